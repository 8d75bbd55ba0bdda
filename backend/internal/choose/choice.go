package choose

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/importance"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// Choice chooses the bits of groups of a kind of one sequence at one moment.
type Choice struct {
	*Chooser
	kind       shaders.Kind
	importance *importance.Importance
	memory     *Memory
	holds      int       // tokens of the sequence
	tokens     int       // of these, the first that are chosen for
	limits     []float32 // [layer group][group of a token]
}

// Begin asks for the limits of a sequence that holds `holds` tokens, for the
// groups of its first `tokens` tokens.
func (c *Chooser) Begin(kind shaders.Kind, m *importance.Importance, memory *Memory, holds, tokens int) *Choice {
	j := &Choice{Chooser: c, kind: kind, importance: m, memory: memory, holds: holds, tokens: tokens}
	for layerGroup := range c.work.LayerGroups {
		for group := range c.work.TokenGroups {
			j.limits = append(j.limits, c.Limit(kind, layerGroup, group, holds))
		}
	}
	return j
}

// Rule is the policy's for the kind.
func (j *Choice) Rule() policy.Rule { return j.Rules[j.kind] }

// Inputs say where encode and choose_bits find limits and weights of pages.
type Inputs struct{ Plan, Weights device.View }

// Record records the making of weights for pages, in room where they are made on
// the device, and plans pages at the given places. A Barrier must follow.
func (j *Choice) Record(l *device.List, plan *core.Room, list []pages.ID, place func(pages.ID) uint32, room device.View) Inputs {
	words := j.rulePlan(list, place)
	jobs := len(words)
	in := Inputs{plan.Put(j.importance.AppendJobs(words, list)), room}
	switch weight := j.Rule().Weight; weight {
	case policy.WeightMost:
		l.Fill(room.Buffer, room.Offset, room.Words, math.Float32bits(-1))
	case policy.WeightCustom:
		weights, err := j.given(list)
		l.Check(err)
		in.Weights = plan.Put(weights)
	default:
		j.importance.Reduce(l, list, in.Plan, jobs, room, weight == policy.WeightOne)
	}
	return in
}

// MeasureInputs takes what Record takes of a plan for so many pages of a kind.
func MeasureInputs(w *core.Work, plan *core.Room, n int) {
	plan.Take(n * (shaders.RuleJobWords + w.TokenGroups + shaders.WeightJobWords))
	plan.Take(n * w.PageGroups) // what a policy gives
}

// rulePlan is the plan of encode and choose_bits for pages at the given places.
func (j *Choice) rulePlan(list []pages.ID, place func(pages.ID) uint32) []uint32 {
	n := j.work.TokenGroups
	at, limits := make([]uint32, len(list)), make([][]float32, len(list))
	for i, p := range list {
		at[i], limits[i] = place(p), j.limits[p.LayerGroup*n:][:n]
	}
	return shaders.RulePlan(at, limits)
}
