package adapt

import (
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// promote writes the pages in which some group gets more bits, as many at a time
// as their ranges, their supply and their plan fit.
func (b *batch) promote() error {
	var list []*moved
	for i := range b.moved {
		if m := &b.moved[i]; m.promote {
			list = append(list, m)
		}
	}
	return b.pieces(list, true, func(some []*moved) bool {
		supply, ranges := b.placeSupply(some)
		return supply.Err() == nil && ranges.Err() == nil
	}, b.promoteSome)
}

// placeSupply says where in supply what pages lack begins, and takes the room for
// that and for their ranges.
func (b *batch) placeSupply(some []*moved) (supply, ranges *core.Room) {
	supply, ranges = core.NewRoom(b.d.Supply, shaders.Align), core.NewRoom(b.d.Bits, 1)
	for _, m := range some {
		m.supply = supply.Take(b.lacks(m)).Offset
		ranges.Take(b.d.codec.RangeWords())
	}
	return supply, ranges
}

// lacks are the words that a page lacks.
func (b *batch) lacks(m *moved) (words int) {
	for i, old := range m.old {
		words += b.d.codec.SupplyWords(m.ID, old, m.bits[i])
	}
	return words
}

// promoteSome computes on the host what pages lack, from their ranges on the
// device and their rows on the host, and has them written.
func (b *batch) promoteSome(some []*moved) error {
	supply, ranges := b.placeSupply(some)
	if err := b.readRanges(some); err != nil {
		return err
	}
	if err := b.supplyAll(some); err != nil {
		return err
	}
	b.moves.BytesUp += 4 * int64(supply.Used())
	b.moves.BytesDown += 4 * int64(ranges.Used())
	return b.run("promote", func(l *device.List) {
		b.recordRewrite(l, some, true)
		l.Mark("promote")
	})
}

// readRanges brings the ranges of pages to bits, page after page.
func (b *batch) readRanges(some []*moved) error {
	words := b.d.codec.RangeWords()
	if words == 0 {
		return nil
	}
	return b.run("ranges", func(l *device.List) {
		at := 0
		routes(some, func(r route, list []*moved) {
			var regions []device.Region
			for _, m := range list {
				regions = append(regions, device.Region{Src: m.source().At + b.d.codec.RangesAt(), Dst: at, Words: words})
				at += words
			}
			l.Copy(r.from.Buffer, b.d.Bits, regions...)
		})
		l.Mark("ranges")
	})
}

// supplyAll writes what pages lack to supply. Their ranges are in bits.
func (b *batch) supplyAll(some []*moved) error {
	defer b.d.span("supply")()
	var group errgroup.Group
	workers := max(1, min(b.workers, len(some)))
	for n := range workers {
		group.Go(func() error { return b.supplyPages(some, n*len(some)/workers, (n+1)*len(some)/workers) })
	}
	return group.Wait()
}

// supplyPages writes what pages first..end-1 of some lack.
func (b *batch) supplyPages(some []*moved, first, end int) error {
	words := b.d.codec.RangeWords()
	raw, supplier := make([]uint32, b.d.work.Layout.RawGroupWords()), b.d.codec.Supplier()
	for i := first; i < end; i++ {
		if err := b.ctx.Err(); err != nil {
			return cancelled(err)
		}
		if err := b.supplyPage(some[i], supplier, b.d.Bits.Words()[i*words:][:words], raw); err != nil {
			return err
		}
	}
	return nil
}

// supplyPage writes what the promoted groups of a page lack to supply.
func (b *batch) supplyPage(m *moved, supplier codec.Supplier, ranges, raw []uint32) error {
	at := m.supply
	for g, old := range m.old {
		if b.d.codec.SupplyWords(m.ID, old, m.bits[g]) == 0 {
			continue
		}
		if err := b.s.host.Group(m.ID, g, raw); err != nil {
			return err
		}
		n, err := supplier.Supply(m.ID, g, ranges, raw, old, m.bits[g], b.d.Supply.Words()[at:])
		if err != nil {
			return fmt.Errorf("backend: adapt: %w", err)
		}
		at += n
	}
	return nil
}
