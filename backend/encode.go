package backend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// slotsOf is the part of scratch that encode fills for a kind: the bits of its
// groups, then, from slotBase on, their slots. Both parts are a whole number of
// slots apart. Behind the slots of a part lie the weights of its groups.
func (c *Cache) slotsOf(k shaders.Kind, groups int) (slots, weights device.View) {
	half, behind := c.scratch.Len()/2, roundUp(groups, c.dev.Limits().ViewAlign)
	slots = device.View{Buffer: c.scratch, Offset: int(k) * half, Words: half - behind}
	return slots, device.View{Buffer: c.scratch, Offset: slots.Offset + slots.Words, Words: groups}
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
	return s.c.run("encode", func(l *device.List) {
		plan, weighed := s.c.newPlanner(), [2]judged{}
		for k, j := range judges {
			_, room := s.c.slotsOf(shaders.Kind(k), groups)
			weighed[k] = j.record(l, plan, batch, s.ringPlace(shaders.Kind(k)), room)
		}
		l.Mark("reduce_importance")
		l.Barrier(device.AllCommands, device.Shader)
		for k := range judges {
			s.recordEncode(l, shaders.Kind(k), groups, weighed[k])
		}
		l.Mark("encode")
		l.Barrier(device.Shader, device.Transfer)
		l.Copy(s.c.scratch, s.c.out, device.Region{Words: groups}, device.Region{Src: s.c.scratch.Len() / 2, Dst: groups, Words: groups})
	})
}

// ringPlace gives the places in the ring of the rows of pages of a kind.
func (s *Sequence) ringPlace(kind shaders.Kind) func(pageID) uint32 {
	g := &s.c.geo
	return func(p pageID) uint32 {
		layer, _ := g.unitLayers(p.unit)
		return uint32(g.ringAt(p.chunk*g.pageTokens, kind, layer))
	}
}

func (s *Sequence) recordEncode(l *device.List, kind shaders.Kind, groups int, by judged) {
	g, rule := &s.c.geo, s.c.rules[kind]
	push := shaders.EncodePush{Groups: uint32(groups), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), TokenStride: uint32(g.slotWords()),
		SlotBase: slotBase(groups), SlotWords: uint32(g.slotStride), Rule: 1,
		MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.Delta}
	slots, _ := s.c.slotsOf(kind, groups)
	dispatch(l, s.c.pipeline(shaders.Encode, s.c.cfg.Type, s.c.cfg.Type), push.Bytes(), groups,
		device.Whole(s.ring), by.plan, slots, by.want)
}
