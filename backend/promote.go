package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// promote writes the pages in which some group gets more bits, as many at a time
// as their ranges, their supply and their plan fit.
func (a *adaptation) promote() error {
	g, supply, ranges := &a.c.geo, 0, 0
	each := g.pageGroups * g.layout.RangeWords()
	return a.pieces(a.promoted(), func(m *moved, first bool) bool {
		if first {
			supply, ranges = 0, 0
		}
		m.supply, supply, ranges = supply, supply+shaders.AlignWords(g.supplyWords(m)), ranges+each
		return supply <= a.c.adapter.supply.Len() && ranges <= a.c.adapter.bits.Len()
	}, a.promoteSome)
}

// promoted are the pages in which some group gets more bits.
func (a *adaptation) promoted() (pages []*moved) {
	for i := range a.moved {
		if m := &a.moved[i]; m.change.promote {
			pages = append(pages, m)
		}
	}
	return pages
}

// pieces calls f for pages in a row, as many at a time as fit one plan and as
// take says of each: it is told where a piece begins.
func (a *adaptation) pieces(pages []*moved, take func(m *moved, first bool) bool, f func([]*moved) error) error {
	align, from, plan := a.c.dev.Limits().ViewAlign, 0, 0
	for i, m := range pages {
		need := a.c.rewriteWords()
		if i == from || m.route() != pages[i-1].route() {
			need += align
		}
		plan += need
		if fits := take(m, i == from) && plan <= a.c.adapter.plan.Len(); !fits && i > from {
			if err := f(pages[from:i]); err != nil {
				return err
			}
			from, plan = i, a.c.rewriteWords()+align
			take(m, true)
		}
	}
	if from == len(pages) {
		return nil
	}
	return f(pages[from:])
}

// supplyWords are the words that a page lacks.
func (g *geometry) supplyWords(m *moved) (words int) {
	for i, old := range m.old {
		words += g.layout.SupplyWords(old, m.change.bits[i])
	}
	return words
}

// promoteSome computes on the host what pages lack, from their ranges on the
// device and their rows on the host, and has them written. For a bit more of 128
// f16 elements that is 2.6 µs of a core beside the steps (BenchmarkSupply in
// cpuref) and 16 bytes to the device. Quantizing on the device would take 256
// bytes and, on llvmpipe, encode's 0.7 µs of both cores that attend.
func (a *adaptation) promoteSome(some []*moved) error {
	if err := a.readRanges(some); err != nil {
		return err
	}
	if err := a.supplyAll(some); err != nil {
		return err
	}
	last := some[len(some)-1]
	a.moves.BytesUp += 4 * int64(last.supply+shaders.AlignWords(a.c.geo.supplyWords(last)))
	return a.run("promote", func(l *device.List) {
		plan := a.newPlanner()
		a.recordRewrite(l, plan, some, shaders.Promote)
		a.moves.BytesUp += 4 * int64(plan.at)
		l.Mark("promote")
	})
}

// supplyAll writes what pages lack to supply. Their ranges are in bits.
func (a *adaptation) supplyAll(some []*moved) error {
	defer a.c.spanning("supply", Adaptation)()
	words := a.c.geo.pageGroups * a.c.geo.layout.RangeWords()
	raw := make([]uint32, a.c.geo.layout.RawGroupWords())
	for i, m := range some {
		if err := a.ctx.Err(); err != nil {
			return fmt.Errorf("backend: adapt: %w", err)
		}
		if err := a.supplyPage(m, a.c.adapter.bits.Words()[i*words:][:words], raw); err != nil {
			return err
		}
	}
	return nil
}

// readRanges brings the ranges of pages to bits, page after page.
func (a *adaptation) readRanges(some []*moved) error {
	g := &a.c.geo
	words := g.pageGroups * g.layout.RangeWords()
	a.moves.BytesDown += 4 * int64(words*len(some))
	return a.run("ranges", func(l *device.List) {
		at := 0
		routes(some, func(r route, pages []*moved) {
			var regions []device.Region
			for _, m := range pages {
				regions = append(regions, device.Region{Src: m.source().at + g.layout.RangesAt(g.pageGroups), Dst: at, Words: words})
				at += words
			}
			l.Copy(r.from.buffer, a.c.adapter.bits, regions...)
		})
		l.Mark("ranges")
	})
}

// supplyPage writes what the promoted groups of a page lack to supply.
func (a *adaptation) supplyPage(m *moved, ranges, raw []uint32) error {
	l, at := a.c.geo.layout, m.supply
	for g, old := range m.old {
		if m.change.bits[g] <= old {
			continue
		}
		if err := a.s.host.group(m.pageID, g, raw); err != nil {
			return err
		}
		n, err := cpuref.Supply(l, ranges[g*l.RangeWords():][:l.RangeWords()], raw, old, m.change.bits[g], a.c.adapter.supply.Words()[at:])
		if err != nil {
			return fmt.Errorf("backend: adapt: %w", err)
		}
		at += n
	}
	return nil
}
