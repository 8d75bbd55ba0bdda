package backend

import (
	"cmp"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
)

// gatherPart of the reserve is the least free room that is worth gathering.
const gatherPart = 64

// scattered tells whether the free room of some segment of the reserve is worth
// gathering: it is not little, and less than half of it lies side by side.
func (a *arena) scattered() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.reserve, (*segment).scattered)
}

func (g *segment) scattered() bool {
	words, widest := g.room()
	return words >= g.buffer.Len()/gatherPart && widest < words/2
}

// compact gathers the free room of the reserve: blocks move down in their
// segment, over the buffer that rows come to the host by. What is on the way
// lands first.
func (s *Sequence) compact() error {
	s.landNow()
	if s.c.failed != nil {
		return s.c.failed
	}
	for _, seg := range s.c.arena.reserve {
		if !seg.scattered() {
			continue
		}
		blocks, places := s.c.gathered(seg)
		err := s.c.run("compact", func(l *device.List) { s.c.recordCompact(l, blocks, places) })
		if err != nil {
			return err
		}
		s.c.arena.gather(seg, blocks, places)
	}
	return nil
}

// gathered are the blocks of a segment in their order, and where they begin when
// no room is between them.
func (c *Cache) gathered(seg *segment) (blocks []*block, places []int) {
	known := map[*block]bool{}
	for _, s := range c.sequences {
		for _, list := range s.store.units {
			for _, b := range list {
				if b.seg == seg && !known[b] {
					known[b] = true
					blocks = append(blocks, b)
				}
			}
		}
	}
	slices.SortFunc(blocks, func(a, b *block) int { return cmp.Compare(a.span().at, b.span().at) })
	at := 0
	for _, b := range blocks {
		places = append(places, at)
		at += b.span().words
	}
	return blocks, places
}

// recordCompact records the moves of blocks of a segment, as many words at a time
// as fit the buffer on the way.
func (c *Cache) recordCompact(l *device.List, blocks []*block, places []int) {
	var up, down []device.Region
	used := 0
	flush := func() {
		if used == 0 {
			return
		}
		l.Copy(blocks[0].seg.buffer, c.out, up...)
		l.Barrier(device.Transfer, device.Transfer)
		l.Copy(c.out, blocks[0].seg.buffer, down...)
		l.Barrier(device.Transfer, device.Transfer)
		up, down, used = nil, nil, 0
	}
	for i, b := range blocks {
		from, to := b.span(), places[i]
		if from.at == to {
			continue
		}
		for done := 0; done < from.words; {
			n := min(from.words-done, c.out.Len()-used)
			up = joinRegion(up, device.Region{Src: from.at + done, Dst: used, Words: n})
			down = joinRegion(down, device.Region{Src: used, Dst: to + done, Words: n})
			if done, used = done+n, used+n; used == c.out.Len() {
				flush()
			}
		}
	}
	flush()
	l.Mark("compact")
}

// gather enters that the blocks of a segment lie side by side from its begin on.
func (a *arena) gather(seg *segment, blocks []*block, places []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	end := 0
	for i, b := range blocks {
		b.pages = layOut(places[i], b.sizes())
		end = b.span().end()
	}
	seg.free = nil
	if n := seg.buffer.Len() - end; n > 0 {
		seg.free = []span{{end, n}}
	}
}
