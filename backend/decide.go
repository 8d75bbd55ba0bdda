package backend

import "github.com/qaqvk/qaqvk/shaders"

// decideBatch is how many pages are decided at once; each may be a dispatch.
func (c *Cache) decideBatch() int {
	align := c.dev.Limits().ViewAlign
	bits := c.out.Len() / roundUp(c.geo.pageGroups, align)
	return max(1, min(bits, c.plan.Len()/c.jobWords(align)))
}

// decide collects the pages of a batch whose bits change, and counts the groups
// that should get more bits but cannot.
func (s *Sequence) decide(j *judge, batch []pageID, changes map[pageID]change) (missed int64, err error) {
	at := make([]int, 0, len(batch)) // where in out the bits of each page begin
	err = s.c.run("decide", func(l *List) {
		plan, end := s.c.newPlanner(), 0
		for first := 0; first < len(batch); {
			seg, last := s.store.segmentOf(batch[first].unit, batch[first].chunk), first
			for ; last < len(batch) && s.store.segmentOf(batch[last].unit, batch[last].chunk) == seg; last++ {
				at = append(at, end+(last-first)*s.c.geo.pageGroups)
			}
			words := (last - first) * s.c.geo.pageGroups
			s.recordDecide(l, plan, j, seg, batch[first:last], View{s.c.out, end, words})
			end, first = roundUp(end+words, plan.align), last
		}
		l.Mark("decide")
	})
	if err != nil {
		return 0, err
	}
	for i, p := range batch {
		ch, lacking, ok := s.compare(p, s.c.out.Words()[at[i]:][:s.c.geo.pageGroups])
		missed += lacking
		if ok {
			changes[p] = ch
		}
	}
	return missed, nil
}

func (s *Sequence) recordDecide(l *List, plan *planner, j *judge, seg *segment, pages []pageID, bits View) {
	g, rule := &s.c.geo, s.c.rules[j.kind]
	words, want := j.plan(pages, func(p pageID) uint32 { return uint32(seg.pages[p.kind][p.chunk-seg.first].at) })
	push := shaders.DecidePush{Groups: uint32(bits.Words), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), WantBase: uint32(want),
		MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.delta()}
	k := constants{layout: g.layout, lanes: 1, in: s.c.cfg.Type, out: s.c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: shaders.Decide, Spec: k.spec(shaders.Decide), Push: push.Bytes(),
		Workgroups: workgroups(bits.Words),
		Views:      []View{Whole(seg.buffer.Buffer), plan.add(words), bits}})
}
