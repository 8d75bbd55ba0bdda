package backend

import "github.com/qaqvk/qaqvk/shaders"

// slotsOf is the part of scratch that encode fills for a kind: the bits of its
// groups, then, from slotBase on, their slots. Both parts are a whole number of
// slots apart.
func (c *Cache) slotsOf(k Kind) View {
	half := c.scratch.Len() / 2
	return View{Buffer: c.scratch, Offset: int(k) * half, Words: half}
}

// slotBase is the word of the first slot behind the bits of groups.
func slotBase(groups int) uint32 { return uint32(shaders.AlignWords(groups)) }

// encode fills the slots of both kinds and brings their bits to out: those of
// K, then those of V.
func (s *Sequence) encode(judges [2]*judge, batch []pageID) error {
	groups := len(batch) * s.c.geo.pageGroups
	return s.c.run("encode", func(l *List) {
		plan := s.c.newPlanner()
		for k, j := range judges {
			s.recordEncode(l, plan, Kind(k), j, batch)
		}
		l.Mark("encode")
		l.Barrier(Shader, Transfer)
		l.Copy(s.c.scratch, s.c.out, Region{Words: groups}, Region{Src: s.c.scratch.Len() / 2, Dst: groups, Words: groups})
	})
}

func (s *Sequence) recordEncode(l *List, plan *planner, kind Kind, j *judge, batch []pageID) {
	g, rule := &s.c.geo, s.c.rules[kind]
	words, want := j.plan(batch, func(p pageID) uint32 {
		layer, _ := g.unitLayers(p.unit)
		return uint32(g.ringAt(p.chunk*g.pageTokens, kind, layer))
	})
	groups := len(batch) * g.pageGroups
	push := shaders.EncodePush{Groups: uint32(groups), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), TokenStride: uint32(g.slotWords()),
		SlotBase: slotBase(groups), SlotWords: uint32(g.slotStride), Rule: 1,
		MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.delta()}
	k := constants{layout: g.layout, lanes: g.layout.EncodeLanes(), in: s.c.cfg.Type, out: s.c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: shaders.Encode, Spec: k.spec(shaders.Encode), Push: push.Bytes(),
		Workgroups: workgroups(groups * k.lanes),
		Views:      []View{Whole(s.ring), plan.add(words), s.c.slotsOf(kind), plan.add(want)}})
}
