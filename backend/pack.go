package backend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// readBits reads the bits of a batch: pages in the order of the batch, K before
// V of a chunk, as they will lie in their segments.
func (c *Cache) readBits(batch []pageID) []encoded {
	n, words := c.geo.pageGroups, c.out.Words()
	pages := make([]encoded, 0, 2*len(batch))
	for i, p := range batch {
		for k := range c.rules {
			e := encoded{pageID: pageID{shaders.Kind(k), p.unit, p.chunk}, bits: shaders.BitsOf(words[(k*len(batch)+i)*n:][:n])}
			e.words = c.geo.layout.PageWords(e.bits)
			pages = append(pages, e)
		}
	}
	return pages
}

// placePages finds room for the pages from one on, unit by unit, until enough
// blocks move. It returns the room that it took, also when it fails, and the
// page behind the last one that has room. Where the reserve has room that is
// scattered, it gathers that first, before it takes any.
func (s *Sequence) placePages(pages []encoded, from int) (growths []growth, to int, err error) {
	to = from
	for copied := 0; to < len(pages) && copied < s.copyWords(); {
		unit, sizes := pages[to].unit, [][2]int(nil)
		for i := to; i < len(pages) && pages[i].unit == unit; i += 2 {
			sizes = append(sizes, [2]int{pages[i].words, pages[i+1].words})
		}
		g, ok := s.fit(unit, sizes)
		if !ok && s.c.arena.scattered() {
			if len(growths) > 0 {
				return growths, to, nil
			}
			if err := s.compact(); err != nil {
				return nil, to, err
			}
			g, ok = s.fit(unit, sizes)
		}
		if !ok {
			if g, err = s.enlarge(unit, sizes); err != nil {
				return growths, to, err
			}
		}
		growths = append(growths, g)
		copied += g.copied()
		for _, b := range g.blocks {
			pages[to].to, pages[to+1].to = b, b
			to += 2
		}
	}
	return growths, to, nil
}

// recordPack records the packing of pages: one dispatch for those in a row that
// go to the same segment. They are those from number first on of a batch that has
// half pages of each kind.
func (c *Cache) recordPack(l *device.List, growths []growth, pages []encoded, first, half int) {
	copied := false
	for _, g := range growths {
		copied = g.record(l) || copied
	}
	if copied {
		l.Barrier(device.Transfer, device.Shader)
		l.Mark("grow")
	}
	plan := c.newPlanner()
	for at := 0; at < len(pages); {
		end, to := at, pages[at].to.seg
		for end < len(pages) && pages[end].to.seg == to {
			end++
		}
		if at > 0 && to.reserved {
			l.Barrier(device.Shader, device.Shader)
		}
		c.recordPackSome(l, plan, to.buffer, pages[at:end], first+at, half)
		at = end
	}
	l.Mark("pack")
}

// recordPackSome packs pages to a buffer; the first is number first of a batch
// that has half pages of each kind. Slots are in the order of the batch.
func (c *Cache) recordPackSome(l *device.List, plan *planner, to device.Buffer, pages []encoded, first, half int) {
	g := &c.geo
	apart := c.scratch.Len() / 2 / g.slotStride
	jobs, bits := make([]shaders.PackJob, len(pages)), make([][]uint8, len(pages))
	for i, p := range pages {
		slot := int(p.kind)*apart + (first+i)/2*g.pageGroups
		jobs[i], bits[i] = shaders.PackJob{Slot: uint32(slot), Page: uint32(p.to.pages[p.kind].at)}, p.bits
	}
	push := shaders.PackPush{Groups: uint32(g.pageGroups), SlotBase: slotBase(half * g.pageGroups), SlotWords: uint32(g.slotStride)}
	dispatchJobs(l, c.pipeline(shaders.Pack, c.cfg.Type, c.cfg.Type), push.Bytes(), len(pages),
		device.Whole(c.scratch), plan.add(g.layout.PackPlan(jobs, bits)), device.Whole(to))
}
