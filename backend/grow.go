package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
)

// segmentWords is the size in words up to which a segment of a unit grows: what
// is copied at once when it grows or when bits in it change. It is 8 MiB; 64 MiB
// for the largest caches, so that there are no more than a device can count.
func (c *Cache) segmentWords() int {
	return min(max(c.cfg.Capacity*c.geo.slotWords()/1024, 1<<21), 1<<24)
}

// headroom is the part of a unit's segment that is left free for the next pages:
// 1/24 keeps the slack below 5 %, at the price of copying each page some 24
// times while its segment grows.
const headroom = 24

// growth is the room for the next blocks of a unit. Where there was none, that
// is a new segment, to which the unit's last ones move if they can.
type growth struct {
	blocks []*block // the next ones
	moved  []*block // those that move
	places []*block // where to
}

// fit finds room for the next blocks of a unit, of pages of the given sizes,
// without memory for it: for all or none.
func (s *Sequence) fit(unit int, sizes [][2]int) (growth, bool) {
	var near *segment
	if list := s.store.units[unit]; len(list) > 0 {
		near = list[len(list)-1].seg
	}
	blocks := s.c.arena.placeAll(near, unit, sizes)
	return growth{blocks: blocks}, blocks != nil
}

// enlarge makes a segment for the next blocks of a unit and those that can move
// there. Nothing changes before commit; drop gives the room back.
func (s *Sequence) enlarge(unit int, sizes [][2]int) (growth, error) {
	words := 0
	for _, size := range sizes {
		words += blockWords(size)
	}
	g := growth{moved: s.movable(unit, words, len(sizes))}
	seg, err := s.c.newSegment(unit, len(s.store.units[unit])-len(g.moved), words+g.copied(), true)
	if err != nil {
		return growth{}, err
	}
	for _, b := range g.moved {
		g.places = append(g.places, s.c.arena.placeIn(seg, b.sizes()))
	}
	g.blocks = s.c.arena.placeAll(seg, unit, sizes)
	return g, nil
}

// movable are the last blocks of a unit if they are all of a segment beside the
// reserve, no fork holds them, and more fit a segment with them.
func (s *Sequence) movable(unit, words, blocks int) []*block {
	last := s.store.lastRun(unit)
	if last == nil || last[0].seg.reserved || !s.c.arena.holds(last) {
		return nil
	}
	for _, b := range last {
		if words += b.span().words; b.holders > 1 {
			return nil
		}
	}
	if words > s.c.segmentWords() || 2*(len(last)+blocks) > s.c.segmentPages() {
		return nil
	}
	return last
}

// segmentPages is the most pages of a segment of a unit: the plan of all of them
// fits the plan buffer.
func (c *Cache) segmentPages() int {
	return (c.plan.Len() - c.dev.Limits().ViewAlign) / c.rewriteWords()
}

// newSegment makes a segment of a unit for the given words, with headroom if
// blocks will follow.
func (c *Cache) newSegment(unit, first, words int, follow bool) (*segment, error) {
	if follow {
		words = max(words, min(words+words/headroom, c.segmentWords()))
	}
	seg, err := c.arena.newSegment(fmt.Sprintf("pages.%d.%d", unit, first), words, false)
	if err != nil {
		return nil, fmt.Errorf("backend: pages of unit %d: %w", unit, err)
	}
	return seg, nil
}

// copied are the words of pages that move.
func (g *growth) copied() (words int) {
	for _, b := range g.moved {
		words += b.span().words
	}
	return words
}

// copyWords are the words of blocks that may lie in two places at once, while they
// adapt or their segments grow: a part of all pages, or one segment.
func (s *Sequence) copyWords() int { return max(int(s.store.total.words/adaptParts), minAdapt) }

// record copies the pages that move.
func (g *growth) record(l *device.List) bool {
	if len(g.moved) == 0 {
		return false
	}
	var regions []device.Region
	for i, b := range g.moved {
		from := b.span()
		regions = joinRegion(regions, device.Region{Src: from.at, Dst: g.places[i].span().at, Words: from.words})
	}
	l.Copy(g.moved[0].seg.buffer, g.places[0].seg.buffer, regions...)
	return true
}

// commit makes the room the unit's: blocks are added as their pages are.
func (g *growth) commit(a *arena) {
	for i, b := range g.moved {
		a.move(b, g.places[i])
	}
}

func (g *growth) drop(a *arena) {
	a.freeAll(g.places)
	a.freeAll(g.blocks)
}
