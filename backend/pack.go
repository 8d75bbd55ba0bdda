package backend

import "github.com/qaqvk/qaqvk/shaders"

// readBits reads the bits of a batch: pages in the order of the batch, K before
// V of a chunk, as they will lie in their segments.
func (c *Cache) readBits(batch []pageID) []encoded {
	n, words := c.geo.pageGroups, c.out.Words()
	pages := make([]encoded, 0, 2*len(batch))
	for i, p := range batch {
		for k := range c.rules {
			e := encoded{pageID: pageID{Kind(k), p.unit, p.chunk}, bits: make([]uint8, n)}
			for j := range e.bits {
				e.bits[j] = uint8(words[(k*len(batch)+i)*n+j])
				if e.bits[j] == failedBits {
					e.failed++
				}
			}
			e.words = c.geo.pageWords(e.bits)
			pages = append(pages, e)
		}
	}
	return pages
}

// placePages finds room for the pages from one on, unit by unit, until enough
// segments move to larger buffers. It returns the room that it took, also when
// it fails, and the page behind the last one that has room.
func (s *Sequence) placePages(pages []encoded, from int) (growths []growth, to int, err error) {
	for copied := 0; from < len(pages) && copied < s.copyWords(); {
		words := 0
		for to = from; to < len(pages) && pages[to].unit == pages[from].unit; to++ {
			words += pages[to].words
		}
		g, err := s.grow(pages[from].unit, to-from, words)
		if err != nil {
			return growths, to, err
		}
		growths = append(growths, g)
		copied += g.copied()
		for at := g.at; from < to; from++ {
			pages[from].at = at
			at = roundUp(at+pages[from].words, pageAlign)
		}
	}
	return growths, to, nil
}

// recordPack records the packing of pages from one on: one dispatch a unit.
func (c *Cache) recordPack(l *List, growths []growth, pages []encoded, first int) {
	copied := false
	for _, g := range growths {
		copied = g.record(l) || copied
	}
	if copied {
		l.Barrier(Transfer, Shader)
		l.Mark("grow")
	}
	plan := c.newPlanner()
	for _, g := range growths {
		end := first
		for end < len(pages) && pages[end].unit == g.unit {
			end++
		}
		c.recordPackUnit(l, plan, g.target(), pages[first:end], first, len(pages)/2)
		first = end
	}
	l.Mark("pack")
}

// recordPackUnit packs pages of a unit; the first is number first of a batch
// that has half pages of each kind. Slots are in the order of the batch.
func (c *Cache) recordPackUnit(l *List, plan *planner, to Buffer, pages []encoded, first, half int) {
	g := &c.geo
	bitsWords, apart := g.layout.BitsWords(g.pageGroups), c.scratch.Len()/2/g.slotStride
	words := make([]uint32, 0, len(pages)*(5+bitsWords))
	for i, p := range pages {
		slot := int(p.kind)*apart + (first+i)/2*g.pageGroups
		words = append(words, uint32(slot), uint32(p.at), uint32(5*len(pages)+i*bitsWords), uint32(p.words), p.failed)
	}
	for _, p := range pages {
		words = append(words, shaders.PackBits(plainBits(p.bits))...)
	}
	push := shaders.PackPush{Groups: uint32(g.pageGroups), SlotBase: slotBase(half * g.pageGroups), SlotWords: uint32(g.slotStride)}
	k := constants{layout: g.layout, lanes: 1, in: c.cfg.Type, out: c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: shaders.Pack, Spec: k.spec(shaders.Pack), Push: push.Bytes(),
		Workgroups: uint32(len(pages)), Views: []View{Whole(c.scratch), plan.add(words), Whole(to)}})
}
