package backend

import "fmt"

// segmentWords is the size in words up to which a segment grows: what is copied
// at once when it grows or when bits in it change. It is 8 MiB; 64 MiB for the
// largest caches, so that there are no more than a device can count.
func (c *Cache) segmentWords() int {
	return min(max(c.cfg.Capacity*c.geo.slotWords()/1024, 1<<21), 1<<24)
}

// headroom is the part of a segment that is left free for the next pages: 1/24
// keeps the slack below 5 %, at the price of copying each page some 24 times
// while its segment grows.
const headroom = 24

// growth is the room for new pages at the end of a unit: in a new buffer that
// takes the place of a segment's, in a new segment, or where room was left.
type growth struct {
	unit   int
	seg    *segment // becomes the unit's last
	buffer Buffer   // nil: the segment has room
	fresh  bool     // the segment is new
	at     int      // where the next page comes
}

// grow finds room for pages of together the given words, each at an aligned
// place: never in a buffer that a fork holds too. Nothing changes before
// commit; drop gives the room back.
func (s *Sequence) grow(unit, pages, words int) (growth, error) {
	words += pages * (pageAlign - 1)
	list := s.store.units[unit]
	g := growth{unit: unit}
	if len(list) > 0 {
		g.seg = list[len(list)-1]
		g.at = roundUp(g.seg.used, pageAlign)
		if g.seg.buffer.holders == 1 && g.at+words <= g.seg.buffer.Len() {
			return g, nil
		}
	}
	if g.seg == nil || g.seg.buffer.holders > 1 || g.at+words > s.c.segmentWords() || 2*len(g.seg.pages[Key])+pages > s.c.segmentPages() {
		g.seg, g.at, g.fresh = &segment{}, 0, true
		if len(list) > 0 {
			g.seg.first = list[len(list)-1].end()
		}
	}
	var err error
	g.buffer, err = s.c.newSegment(unit, g.seg.first, g.at+words, true)
	return g, err
}

// segmentPages is the most pages of a segment: the plan of all of them fits the
// plan buffer.
func (c *Cache) segmentPages() int {
	return (c.plan.Len() - c.dev.Limits().ViewAlign) / c.rewriteWords()
}

// newSegment makes the buffer of a segment for the given words, with headroom
// if pages will follow.
func (c *Cache) newSegment(unit, first, words int, follow bool) (Buffer, error) {
	if follow {
		words = max(words, min(words+words/headroom, c.segmentWords()))
	}
	b, err := c.dev.NewBuffer(fmt.Sprintf("pages.%d.%d", unit, first), roundUp(words, pageAlign), DeviceLocal)
	if err != nil {
		return nil, fmt.Errorf("backend: pages of unit %d: %w", unit, err)
	}
	return b, nil
}

// target is the buffer that the new pages go to.
func (g *growth) target() Buffer {
	if g.buffer != nil {
		return g.buffer
	}
	return g.seg.buffer.Buffer
}

// copied are the words of pages that move to a larger buffer.
func (g *growth) copied() int {
	if g.buffer == nil || g.fresh {
		return 0
	}
	return g.seg.used
}

// copyWords are the words of segments that may lie in two buffers at once, while
// they grow or adapt: a part of all pages, or one segment.
func (s *Sequence) copyWords() int { return max(int(s.store.total.words/adaptParts), minAdapt) }

// record copies the pages that move to a larger buffer.
func (g *growth) record(l *List) bool {
	n := g.copied()
	if n > 0 {
		l.Copy(g.seg.buffer.Buffer, g.buffer, Region{Words: n})
	}
	return n > 0
}

func (g *growth) commit(s *store) {
	if g.fresh {
		s.units[g.unit] = append(s.units[g.unit], g.seg)
	} else if g.buffer != nil {
		g.seg.buffer.release()
	}
	if g.buffer != nil {
		g.seg.buffer = &sharedBuffer{g.buffer, 1}
	}
}

func (g *growth) drop() {
	if g.buffer != nil {
		g.buffer.Release()
	}
}
