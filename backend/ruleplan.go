package backend

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// judge gives limits and weights of groups of a kind for one decision.
type judge struct {
	s      *Sequence
	kind   shaders.Kind
	holds  int       // tokens of the sequence
	tokens int       // of these, the first that are judged
	limits []float32 // [unit][group of a token]
}

// newJudge asks for the limits of a sequence that holds `holds` tokens, for the
// groups of its first `tokens` tokens.
func (s *Sequence) newJudge(kind shaders.Kind, holds, tokens int) *judge {
	j := &judge{s: s, kind: kind, holds: holds, tokens: tokens}
	g := &s.c.geo
	for unit := range g.units {
		for group := range g.tokenGroups {
			j.limits = append(j.limits, limit32(s.c.limit(kind, unit, group, holds)))
		}
	}
	return j
}

// limit is the least limit of the layers and heads of a group.
func (c *Cache) limit(kind shaders.Kind, unit, group, tokens int) float64 {
	least := math.Inf(1)
	layer, layers := c.geo.unitLayers(unit)
	for ; layer < layers; layer++ {
		head, heads := c.geo.groupHeads(group)
		for ; head < heads; head++ {
			least = math.Min(least, c.cfg.Policy.Limit(kind, layer, head, tokens))
		}
	}
	return least
}

// judged says where encode and choose_bits find limits and weights of pages.
type judged struct{ plan, want device.View }

// record records the making of weights for pages, in room where they are made on
// the device, and plans pages at the given places. A Barrier must follow.
func (j *judge) record(l *device.List, plan *planner, pages []pageID, place func(pageID) uint32, room device.View) judged {
	words := j.plan(pages, place)
	jobs := len(words)
	planned := plan.add(j.s.appendWeightJobs(words, pages))
	return judged{planned, j.recordWeights(l, plan, pages, planned, jobs, room)}
}

// plan is the plan of encode and choose_bits for pages at the given places.
func (j *judge) plan(pages []pageID, place func(pageID) uint32) []uint32 {
	g := &j.s.c.geo
	at, limits := make([]uint32, len(pages)), make([][]float32, len(pages))
	for i, p := range pages {
		at[i], limits[i] = place(p), j.limits[p.unit*g.tokenGroups:][:g.tokenGroups]
	}
	return shaders.RulePlan(at, limits)
}

// judgeWords bounds the plan words of a page that is judged in a dispatch of its
// own, with the loss to alignment.
func (c *Cache) judgeWords() int {
	return 2*c.dev.Limits().ViewAlign + shaders.RuleJobWords + shaders.WeightJobWords + c.geo.tokenGroups + c.geo.pageGroups
}

// maxLimit and maxWeight are the bounds of c and w in the numeric contract.
const (
	maxLimit  = 0x1p100
	maxWeight = 0x1p20
)

// limit32 narrows a policy's limit to what the kernels take; NaN becomes 0.
func limit32(c float64) float32 {
	if !(c > 0) {
		return 0
	}
	return float32(math.Min(c, maxLimit))
}

// weight32 brings a weight into the contract; NaN pins, as a negative weight.
func weight32(w float32) float32 {
	if !(w >= 0) {
		return -1
	}
	return min(w, maxWeight)
}
