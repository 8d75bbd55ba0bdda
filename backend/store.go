package backend

import (
	"slices"
	"unsafe"

	"github.com/qaqvk/qaqvk/shaders"
)

// pageID names a page: its kind, its unit and its chunk.
type pageID struct {
	kind        shaders.Kind
	unit, chunk int
}

// store has the stored pages of a sequence: where they lie on the device, and a
// mirror of the bits of their groups, one byte a group, as encode reports them.
//
// The blocks of a unit lie in few segments, because reading a layer takes a
// dispatch for each. Measured with BenchmarkModelStep, 400 tokens of SmolLM2's
// shape on llvmpipe, against pages of all layers in slabs of 64 KiB and more:
// 109, 93 and 84 CPU ms a token for none, uniform and qaq, not 184, 134 and 151.
type store struct {
	geo   *geometry
	arena *arena
	units [][]*block   // [unit][chunk]
	bits  [2][][]uint8 // [kind][unit][group], chunk after chunk

	total tally
}

// pageAlign is the alignment of pages in words.
const pageAlign = shaders.Align

func newStore(a *arena) *store {
	s := &store{geo: a.geo, arena: a, units: make([][]*block, a.geo.units)}
	for k := range s.bits {
		s.bits[k] = make([][]uint8, a.geo.units)
	}
	return s
}

// pageBits is the mirror of a page: the bits of its groups.
func (s *store) pageBits(p pageID) []uint8 {
	n := s.geo.pageGroups
	return s.bits[p.kind][p.unit][p.chunk*n : (p.chunk+1)*n]
}

// runEnd is the chunk behind those from the given one on that lie in the same
// segment.
func (s *store) runEnd(unit, chunk int) int {
	list := s.units[unit]
	end := chunk + 1
	for end < len(list) && list[end].seg == list[chunk].seg {
		end++
	}
	return end
}

// runStart is the first of the chunks up to the given one that lie in the same
// segment.
func (s *store) runStart(unit, chunk int) int {
	list := s.units[unit]
	for chunk > 0 && list[chunk-1].seg == list[chunk].seg {
		chunk--
	}
	return chunk
}

// lastRun are the last blocks of a unit that lie in one segment; none: the unit
// has no block.
func (s *store) lastRun(unit int) []*block {
	list := s.units[unit]
	if len(list) == 0 {
		return nil
	}
	return list[s.runStart(unit, len(list)-1):]
}

// add enters the next block of a unit, with the bits of its pages.
func (s *store) add(unit int, b *block, bits [2][]uint8) {
	s.units[unit] = append(s.units[unit], b)
	for k := range bits {
		s.bits[k][unit] = append(s.bits[k][unit], bits[k]...)
	}
	s.count(unit, len(s.units[unit])-1, 1, 1)
}

// put gives a chunk another block and other bits.
func (s *store) put(unit, chunk int, b *block, bits [2][]uint8) {
	s.release(unit, chunk)
	s.units[unit][chunk] = b
	for k := range bits {
		copy(s.pageBits(pageID{shaders.Kind(k), unit, chunk}), bits[k])
	}
	s.count(unit, chunk, 1, 1)
}

// release gives up a block; its place too, where nobody else holds it.
func (s *store) release(unit, chunk int) {
	b := s.units[unit][chunk]
	if b.holders--; b.holders > 0 {
		s.count(unit, chunk, -1, 0)
		return
	}
	s.count(unit, chunk, -1, -1)
	s.arena.free(b)
}

// truncate drops the chunks from the given one on.
func (s *store) truncate(chunks int) {
	for unit := range s.units {
		for last := len(s.units[unit]) - 1; last >= chunks; last-- {
			s.release(unit, last)
			s.units[unit] = s.units[unit][:last]
			for k := range s.bits {
				s.bits[k][unit] = s.bits[k][unit][:last*s.geo.pageGroups]
			}
		}
	}
}

// count counts the pages of a chunk in or out, here and among all.
func (s *store) count(unit, chunk int, here, all int64) {
	for k, place := range s.units[unit][chunk].pages {
		t := tallyOf(shaders.Kind(k), s.pageBits(pageID{shaders.Kind(k), unit, chunk}), place.words)
		s.total.add(t, here)
		s.arena.total.add(t, all)
	}
}

// share makes an empty store one of the same blocks.
func (s *store) share(from *store) {
	s.total = from.total
	for unit, list := range from.units {
		s.units[unit] = slices.Clone(list)
		for _, b := range list {
			b.holders++
		}
		for k := range from.bits {
			s.bits[k][unit] = slices.Clone(from.bits[k][unit])
		}
	}
}

// extent are the words that the store takes of device memory, segments of its
// own wholly, and how many segments its blocks lie in.
func (s *store) extent() (words int64, segments int) {
	known := map[*segment]bool{}
	for _, list := range s.units {
		for _, b := range list {
			if b.seg.reserved {
				words += int64(b.span().words)
			} else if !known[b.seg] {
				words += int64(b.seg.buffer.Len())
			}
			known[b.seg] = true
		}
	}
	return words, len(known)
}

// mirrorBytes are the host bytes of the mirror and the page table.
func (s *store) mirrorBytes() int64 {
	n := s.total.pages / 2 * int64(unsafe.Sizeof(block{})+unsafe.Sizeof(&block{}))
	for k := range s.bits {
		for u := range s.bits[k] {
			n += int64(cap(s.bits[k][u]))
		}
	}
	return n
}
