package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// promotion is a page of a rebuild that gets more bits.
type promotion struct {
	rebuild int
	*moved
}

// promote writes the pages of rebuilt segments in which some group gets more
// bits, as many at a time as their supply fits the upload buffer.
func (s *Sequence) promote(batch []rebuild) error {
	var some []promotion
	g, supply := &s.c.geo, 0
	flush := func() error {
		err := s.promoteSome(batch, some)
		some, supply = nil, 0
		return err
	}
	most := s.c.out.Len() / (g.pageGroups * g.layout.RangeWords())
	for i, r := range batch {
		for j := range r.pages {
			m := &r.pages[j]
			if !m.change.promote {
				continue
			}
			need := shaders.AlignWords(s.supplyWords(m))
			if len(some) == most || supply+need > s.c.rows.Len() {
				if err := flush(); err != nil {
					return err
				}
			}
			m.supply = supply
			some, supply = append(some, promotion{i, m}), supply+need
		}
	}
	return flush()
}

// supplyWords are the words that a page lacks.
func (s *Sequence) supplyWords(m *moved) int {
	words := 0
	for g, old := range s.store.pageBits(m.pageID) {
		if old != failedBits {
			words += s.c.geo.layout.SupplyWords(old, m.change.bits[g])
		}
	}
	return words
}

// promoteSome computes on the host what pages lack, from their ranges on the
// device and their rows on the host, and writes them.
func (s *Sequence) promoteSome(batch []rebuild, some []promotion) error {
	if len(some) == 0 {
		return nil
	}
	if err := s.readRanges(batch, some); err != nil {
		return err
	}
	words := s.c.geo.pageGroups * s.c.geo.layout.RangeWords()
	for i, p := range some {
		if err := s.supplyPage(p.moved, s.c.out.Words()[i*words:][:words]); err != nil {
			return err
		}
	}
	return s.c.run("promote", func(l *List) {
		plan := s.c.newPlanner()
		for first := 0; first < len(some); {
			var pages []moved
			r := some[first].rebuild
			for ; first < len(some) && some[first].rebuild == r; first++ {
				pages = append(pages, *some[first].moved)
			}
			s.recordRewrite(l, plan, batch[r], pages, shaders.Promote)
		}
		l.Mark("promote")
	})
}

// readRanges brings the ranges of pages to out, page after page.
func (s *Sequence) readRanges(batch []rebuild, some []promotion) error {
	g := &s.c.geo
	words := g.pageGroups * g.layout.RangeWords()
	regions := map[int][]Region{}
	for i, p := range some {
		regions[p.rebuild] = append(regions[p.rebuild],
			Region{Src: p.from.at + g.layout.RangesAt(g.pageGroups), Dst: i * words, Words: words})
	}
	return s.c.run("ranges", func(l *List) {
		for r, list := range sorted(regions) {
			l.Copy(batch[r].seg.buffer.Buffer, s.c.out, list...)
		}
		l.Mark("ranges")
	})
}

// supplyPage writes what the promoted groups of a page lack to rows.
func (s *Sequence) supplyPage(m *moved, ranges []uint32) error {
	l, at := s.c.geo.layout, m.supply
	raw := make([]uint32, l.RawGroupWords())
	for g, old := range s.store.pageBits(m.pageID) {
		if m.change.bits[g] <= old {
			continue
		}
		if err := s.host.group(m.pageID, g, raw); err != nil {
			return err
		}
		n, err := cpuref.Supply(l, ranges[g*l.RangeWords():][:l.RangeWords()], raw, old, m.change.bits[g], s.c.rows.Words()[at:])
		if err != nil {
			return fmt.Errorf("backend: adapt: %w", err)
		}
		at += n
	}
	return nil
}
