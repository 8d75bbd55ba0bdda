package backend

import "github.com/qaqvk/qaqvk/shaders"

// slotsOf is the part of scratch that encode fills for a kind: the bits of its
// groups, then, from slotBase on, their slots. Both parts are a whole number of
// slots apart. Behind the slots of a part lie the weights of its groups.
func (c *Cache) slotsOf(k Kind, groups int) (slots, weights View) {
	half, behind := c.scratch.Len()/2, roundUp(groups, c.dev.Limits().ViewAlign)
	slots = View{Buffer: c.scratch, Offset: int(k) * half, Words: half - behind}
	return slots, View{Buffer: c.scratch, Offset: slots.Offset + slots.Words, Words: groups}
}

// slotBase is the word of the first slot behind the bits of groups.
func slotBase(groups int) uint32 { return uint32(shaders.AlignWords(groups)) }

// encode fills the slots of both kinds and brings their bits to out: those of
// K, then those of V.
func (s *Sequence) encode(judges [2]*judge, batch []pageID) error {
	for _, j := range judges {
		if err := j.ready(batch); err != nil {
			return err
		}
	}
	groups := len(batch) * s.c.geo.pageGroups
	return s.c.run("encode", func(l *List) {
		plan, weighed := s.c.newPlanner(), [2]judged{}
		for k, j := range judges {
			_, room := s.c.slotsOf(Kind(k), groups)
			weighed[k] = j.record(l, plan, batch, s.ringPlace(Kind(k)), room)
		}
		l.Mark("weigh")
		l.Barrier(AllCommands, Shader)
		for k := range judges {
			s.recordEncode(l, Kind(k), groups, weighed[k])
		}
		l.Mark("encode")
		l.Barrier(Shader, Transfer)
		l.Copy(s.c.scratch, s.c.out, Region{Words: groups}, Region{Src: s.c.scratch.Len() / 2, Dst: groups, Words: groups})
	})
}

// ringPlace gives the places in the ring of the rows of pages of a kind.
func (s *Sequence) ringPlace(kind Kind) func(pageID) uint32 {
	g := &s.c.geo
	return func(p pageID) uint32 {
		layer, _ := g.unitLayers(p.unit)
		return uint32(g.ringAt(p.chunk*g.pageTokens, kind, layer))
	}
}

func (s *Sequence) recordEncode(l *List, kind Kind, groups int, by judged) {
	g, rule := &s.c.geo, s.c.rules[kind]
	push := shaders.EncodePush{Groups: uint32(groups), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), TokenStride: uint32(g.slotWords()),
		SlotBase: slotBase(groups), SlotWords: uint32(g.slotStride), Rule: 1,
		MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.delta()}
	k := constants{layout: g.layout, lanes: g.layout.EncodeLanes(), in: s.c.cfg.Type, out: s.c.cfg.Type}
	slots, _ := s.c.slotsOf(kind, groups)
	l.Dispatch(Dispatch{Kernel: shaders.Encode, Spec: k.spec(shaders.Encode), Push: push.Bytes(),
		Workgroups: workgroups(groups * k.lanes),
		Views:      []View{Whole(s.ring), by.plan, slots, by.want}})
}
