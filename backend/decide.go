package backend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// recordDecide records the decision of the bits of the pages of a kind of a
// target. Weights that are made on the device lie in scratch where the bits lie
// in theirs. The plan takes judgeWords of a page at most.
func (s *Sequence) recordDecide(l *device.List, plan *planner, j *judge, t *target, bits device.View) {
	g, rule := &s.c.geo, s.c.rules[j.kind]
	var pages []pageID
	for chunk := t.from; chunk < t.to; chunk++ {
		pages = append(pages, pageID{j.kind, t.unit, chunk})
	}
	at := func(p pageID) uint32 { return uint32(t.blocks[p.chunk-t.first].pages[p.kind].at) }
	judged := j.record(l, plan, pages, at, device.View{Buffer: s.c.scratch, Offset: bits.Offset, Words: bits.Words})
	l.Barrier(device.AllCommands, device.Shader)
	push := shaders.ChooseBitsPush{Groups: uint32(bits.Words), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.Delta}
	dispatch(l, s.c.pipeline(shaders.ChooseBits, s.c.cfg.Type, s.c.cfg.Type), push.Bytes(), bits.Words,
		device.Whole(t.blocks[0].seg.buffer), judged.plan, bits, judged.want)
}
