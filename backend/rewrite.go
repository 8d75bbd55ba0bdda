package backend

import "github.com/qaqvk/qaqvk/shaders"

// recordMoves records the copies of what stays and the repacking of what only
// loses bits.
func (a *adaptation) recordMoves(l *List) {
	copied, plan := false, a.newPlanner()
	for i := range a.rebuilds {
		r := &a.rebuilds[i]
		if regions := r.unchanged(); len(regions) > 0 {
			l.Copy(r.source, r.buffer, regions...)
			copied = true
		}
	}
	if copied {
		l.Barrier(Transfer, Shader)
		l.Mark("stay")
	}
	for i := range a.rebuilds {
		r := &a.rebuilds[i]
		var pages []moved
		for _, m := range r.pages {
			if m.change.bits != nil && !m.change.promote {
				pages = append(pages, m)
			}
		}
		if len(pages) > 0 {
			a.recordRewrite(l, plan, r, pages, shaders.Repack)
		}
	}
	a.moves.BytesUp += 4 * int64(plan.at)
	l.Mark("repack")
}

// unchanged are the runs of pages that stay as they are.
func (r *rebuild) unchanged() []Region {
	var list []Region
	for _, m := range r.pages {
		if m.change.bits != nil {
			continue
		}
		if n := len(list) - 1; n >= 0 && m.from.at-list[n].Src == m.to.at-list[n].Dst &&
			m.from.at <= roundUp(list[n].Src+list[n].Words, pageAlign) {
			list[n].Words = m.to.at + m.to.words - list[n].Dst
			continue
		}
		list = append(list, Region{m.from.at, m.to.at, m.to.words})
	}
	return list
}

// recordRewrite records repack or promote for pages of a segment.
func (a *adaptation) recordRewrite(l *List, plan *planner, r *rebuild, pages []moved, kernel *shaders.Kernel) {
	g, jobWords := &a.c.geo, 4
	if kernel == shaders.Promote {
		jobWords = 5
	}
	bitsWords := g.layout.BitsWords(g.pageGroups)
	words := make([]uint32, 0, len(pages)*(jobWords+bitsWords))
	for i, m := range pages {
		words = append(words, uint32(m.from.at), uint32(m.to.at), uint32(jobWords*len(pages)+i*bitsWords), uint32(m.to.words))
		if kernel == shaders.Promote {
			words = append(words, uint32(m.supply))
		}
	}
	for _, m := range pages {
		words = append(words, shaders.PackBits(plainBits(m.change.bits))...)
	}
	views := []View{Whole(r.source), plan.add(words), Whole(r.buffer)}
	push := shaders.RepackPush{Groups: uint32(g.pageGroups)}.Bytes()
	if kernel == shaders.Promote {
		views = []View{views[0], views[1], Whole(a.c.adapter.supply), views[2]}
		push = shaders.PromotePush{Groups: uint32(g.pageGroups)}.Bytes()
	}
	k := constants{layout: g.layout, lanes: 1, in: a.c.cfg.Type, out: a.c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: kernel, Spec: k.spec(kernel), Push: push, Workgroups: uint32(len(pages)), Views: views})
}
