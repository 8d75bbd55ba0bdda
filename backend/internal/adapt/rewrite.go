package adapt

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
)

// route is from which segment to which a page goes.
type route struct{ from, to *pages.Segment }

func (m *moved) route() route { return route{m.from.Segment, m.to.Segment} }

// routes calls f for the pages in a row that take one route.
func routes(list []*moved, f func(r route, some []*moved)) {
	for len(list) > 0 {
		n, r := 1, list[0].route()
		for n < len(list) && list[n].route() == r {
			n++
		}
		f(r, list[:n])
		list = list[n:]
	}
}

// move copies what stays as it is and repacks what only loses bits.
func (b *batch) move() error {
	var stay, shrink []*moved
	for i := range b.moved {
		if m := &b.moved[i]; m.bits == nil {
			stay = append(stay, m)
		} else if !m.promote {
			shrink = append(shrink, m)
		}
	}
	record := func(shrink []*moved) error {
		err := b.run("move", func(l *device.List) { b.recordMove(l, stay, shrink) })
		stay = nil
		return err
	}
	if len(shrink) == 0 && len(stay) > 0 {
		return record(nil)
	}
	return b.pieces(shrink, false, func([]*moved) bool { return true }, record)
}

// pieces calls f for pages in a row, as many at a time as fit one plan and a
// submission and as fits says of them.
func (b *batch) pieces(list []*moved, promote bool, fits func([]*moved) bool, f func([]*moved) error) error {
	for len(list) > 0 {
		n := core.Most(min(len(list), b.d.rewriting.Budget()), func(n int) bool {
			plan := b.d.planRoom()
			routes(list[:n], func(_ route, some []*moved) {
				plan.Take(b.d.codec.RewriteWords(len(some), layerGroups(some), promote))
			})
			return plan.Err() == nil && fits(list[:n])
		})
		took, err := b.d.run.Timed(func() error { return f(list[:n]) })
		if err != nil {
			return err
		}
		b.d.rewriting.Add(n, took)
		list = list[n:]
	}
	return nil
}

// layerGroups are those of pages in the order of a batch.
func layerGroups(list []*moved) (n int) {
	for i, m := range list {
		if i == 0 || m.LayerGroup != list[i-1].LayerGroup {
			n++
		}
	}
	return n
}

func (b *batch) recordMove(l *device.List, stay, shrink []*moved) {
	routes(stay, func(r route, some []*moved) { l.Copy(r.from.Buffer, r.to.Buffer, regionsOf(some)...) })
	if len(stay) > 0 {
		l.Barrier(device.Transfer, device.Shader)
		l.Mark("stay")
	}
	b.recordRewrite(l, shrink, false)
	l.Mark("repack")
}

// regionsOf are the places of pages that are copied, with their alignment.
func regionsOf(list []*moved) (regions []device.Region) {
	for _, m := range list {
		regions = core.JoinRegion(regions, device.Region{Src: m.source().At, Dst: m.goal().At, Words: core.RoundUp(m.goal().Words, pages.Align)})
	}
	return regions
}

// recordRewrite records the rewriting of pages: a dispatch for those in a row
// that take one route, one after the other where they may write the same segment.
func (b *batch) recordRewrite(l *device.List, list []*moved, promote bool) {
	plan, first := b.d.planRoom(), true
	routes(list, func(r route, some []*moved) {
		if !first && (r.from.Reserved || r.to.Reserved) {
			l.Barrier(device.Shader, device.Shader)
		}
		first = false
		b.recordRoute(l, plan, r, some, promote)
	})
	l.Check(plan.Err())
	b.moves.BytesUp += 4 * int64(plan.Used())
}

func (b *batch) recordRoute(l *device.List, plan *core.Room, r route, list []*moved, promote bool) {
	rewrites := make([]codec.Rewrite, len(list))
	for i, m := range list {
		rewrites[i] = codec.Rewrite{ID: m.ID, From: m.source().At, To: m.goal().At, Bits: m.bits, Supply: m.supply}
	}
	b.d.codec.Rewrite(l, plan, rewrites, promote, r.from.Buffer, r.to.Buffer, b.d.Supply)
}
