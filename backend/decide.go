package backend

import "github.com/qaqvk/qaqvk/shaders"

// recordDecide records the decision of the bits of pages of a segment. Weights
// that are made on the device lie in scratch where the bits lie in theirs. The
// plan takes judgeWords of a page at most.
func (s *Sequence) recordDecide(l *List, plan *planner, j *judge, seg *segment, pages []pageID, bits View) {
	g, rule := &s.c.geo, s.c.rules[j.kind]
	at := func(p pageID) uint32 { return uint32(seg.pages[p.kind][p.chunk-seg.first].at) }
	judged := j.record(l, plan, pages, at, View{s.c.scratch, bits.Offset, bits.Words})
	l.Barrier(AllCommands, Shader)
	push := shaders.DecidePush{Groups: uint32(bits.Words), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.delta()}
	k := constants{layout: g.layout, lanes: 1, in: s.c.cfg.Type, out: s.c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: shaders.Decide, Spec: k.spec(shaders.Decide), Push: push.Bytes(),
		Workgroups: workgroups(bits.Words),
		Views:      []View{Whole(seg.buffer.Buffer), judged.plan, bits, judged.want}})
}
