package backend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// rewriteWords are the plan words of a page that is repacked or promoted.
func (c *Cache) rewriteWords() int {
	return shaders.PromoteJobWords + shaders.BitsWords(c.geo.pageGroups)
}

// route is from which segment to which a page goes.
type route struct{ from, to *segment }

func (m *moved) route() route { return route{m.from.seg, m.to.seg} }

// routes calls f for the pages in a row that take one route.
func routes(pages []*moved, f func(r route, some []*moved)) {
	for len(pages) > 0 {
		n, r := 1, pages[0].route()
		for n < len(pages) && pages[n].route() == r {
			n++
		}
		f(r, pages[:n])
		pages = pages[n:]
	}
}

// move copies what stays as it is and repacks what only loses bits.
func (a *adaptation) move() error {
	var stay, shrink []*moved
	for i := range a.moved {
		if m := &a.moved[i]; m.change.bits == nil {
			stay = append(stay, m)
		} else if !m.change.promote {
			shrink = append(shrink, m)
		}
	}
	record := func(shrink []*moved) error {
		err := a.run("move", func(l *device.List) { a.recordMove(l, stay, shrink) })
		stay = nil
		return err
	}
	if len(shrink) == 0 && len(stay) > 0 {
		return record(nil)
	}
	return a.pieces(shrink, func(*moved, bool) bool { return true }, record)
}

func (a *adaptation) recordMove(l *device.List, stay, shrink []*moved) {
	routes(stay, func(r route, pages []*moved) { l.Copy(r.from.buffer, r.to.buffer, regionsOf(pages)...) })
	if len(stay) > 0 {
		l.Barrier(device.Transfer, device.Shader)
		l.Mark("stay")
	}
	plan := a.newPlanner()
	a.recordRewrite(l, plan, shrink, shaders.Repack)
	a.moves.BytesUp += 4 * int64(plan.at)
	l.Mark("repack")
}

// regionsOf are the places of pages that are copied, with their alignment.
func regionsOf(pages []*moved) (list []device.Region) {
	for _, m := range pages {
		list = joinRegion(list, device.Region{Src: m.source().at, Dst: m.goal().at, Words: roundUp(m.goal().words, pageAlign)})
	}
	return list
}

// recordRewrite records repack or promote for pages: a dispatch for those in a
// row that take one route, one after the other where they may write the same
// segment.
func (a *adaptation) recordRewrite(l *device.List, plan *planner, pages []*moved, kernel *shaders.Kernel) {
	first := true
	routes(pages, func(r route, some []*moved) {
		if !first && (r.from.reserved || r.to.reserved) {
			l.Barrier(device.Shader, device.Shader)
		}
		first = false
		a.recordRoute(l, plan, r, some, kernel)
	})
}

func (a *adaptation) recordRoute(l *device.List, plan *planner, r route, pages []*moved, kernel *shaders.Kernel) {
	var repacks []shaders.RepackJob
	var promotes []shaders.PromoteJob
	var bits [][]uint8
	for _, m := range pages {
		from, to := uint32(m.source().at), uint32(m.goal().at)
		repacks = append(repacks, shaders.RepackJob{From: from, To: to})
		promotes = append(promotes, shaders.PromoteJob{From: from, To: to, Supply: uint32(m.supply)})
		bits = append(bits, m.change.bits)
	}
	layout, groups, typ := a.c.geo.layout, uint32(a.c.geo.pageGroups), a.c.cfg.Type
	p, src, dst := a.c.pipeline(kernel, typ, typ), device.Whole(r.from.buffer), device.Whole(r.to.buffer)
	if kernel == shaders.Promote {
		dispatchJobs(l, p, shaders.PromotePush{Groups: groups}.Bytes(), len(pages), src, plan.add(layout.PromotePlan(promotes, bits)), device.Whole(a.c.adapter.supply), dst)
		return
	}
	dispatchJobs(l, p, shaders.RepackPush{Groups: groups}.Bytes(), len(pages), src, plan.add(layout.RepackPlan(repacks, bits)), dst)
}
