package backend

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// recordWeights records the making of the weights of the groups of pages in
// room, and returns where they will be: in room, or in the plan where the policy
// gave them on the host. A Barrier must follow. The jobs begin at a
// word of the plan.
func (j *judge) recordWeights(l *device.List, plan *planner, pages []pageID, planned device.View, jobs int, room device.View) device.View {
	switch j.s.c.rules[j.kind].Weight {
	case policy.WeightMost:
		l.Fill(room.Buffer, room.Offset, room.Words, wordOf(-1))
	case policy.WeightCustom:
		return plan.add(j.given(l, pages))
	default:
		j.s.recordWeigh(l, pages, planned, jobs, room, j.s.c.rules[j.kind].Weight == policy.WeightOne)
	}
	return room
}

// recordWeigh records the making of weights on the device. The pages must be of
// one importanceView.
func (s *Sequence) recordWeigh(l *device.List, pages []pageID, plan device.View, jobs int, want device.View, one bool) {
	c, g := s.c, &s.c.geo
	push := shaders.ReduceImportancePush{Jobs: uint32(jobs), Groups: uint32(len(pages) * g.pageGroups), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), Heads: uint32(g.heads / g.tokenGroups), Layers: uint32(g.layers / g.units),
		HeadStride: uint32(c.importanceHead()), LayerStride: uint32(c.importanceLayer()),
		Rows: uint32(c.cfg.Window), RowStride: uint32(g.heads * c.importanceHead())}
	importance := plan // not read
	if one {
		push.One = 1
	} else {
		importance = s.importance.view(pages[0].unit)
	}
	dispatch(l, c.pipeline(shaders.ReduceImportance, c.cfg.Type, c.cfg.Type), push.Bytes(), len(pages)*g.pageGroups, plan, importance, want)
}

// appendWeightJobs appends the jobs of reduce_importance for pages.
func (s *Sequence) appendWeightJobs(words []uint32, pages []pageID) []uint32 {
	for _, p := range pages {
		from, to := s.c.geo.unitLayers(p.unit)
		at := (from - s.c.importanceView(p.unit)*s.c.viewLayers()) * s.c.importanceLayer()
		words = shaders.WeightJob{Token: uint32(p.chunk * s.c.cfg.PageTokens), Importance: uint32(at),
			Seen: uint32(s.importance.seen(from, to))}.AppendTo(words)
	}
	return words
}

// viewLayers are the layers whose importance a dispatch sees at once.
func (c *Cache) viewLayers() int {
	if !c.keepsImportance() {
		return c.geo.layers
	}
	return min(c.geo.layers, max(1, c.dev.Limits().ViewWords/c.importanceLayer()))
}

// importanceView is the number of the view that a unit's importance lies in.
func (c *Cache) importanceView(unit int) int {
	from, _ := c.geo.unitLayers(unit)
	return from / c.viewLayers()
}

// endsView tells whether a unit is the last of its view.
func (c *Cache) endsView(unit int) bool {
	return unit == c.geo.units-1 || c.importanceView(unit) != c.importanceView(unit+1)
}

// view is the view that a unit's importance lies in.
func (m *importance) view(unit int) device.View {
	first, layers := m.c.importanceView(unit)*m.c.viewLayers(), m.c.viewLayers()
	return m.layer(first, min(layers, m.c.geo.layers-first))
}

func wordOf(f float32) uint32 { return math.Float32bits(f) }
