package backend

import (
	"sort"
	"unsafe"

	"github.com/qaqvk/qaqvk/shaders"
)

// failedBits mark a group in the host's mirror that holds a NaN, an infinity
// or too wide a range: it is stored raw and stays so. encode reports it so.
const failedBits = 32

// pageID names a page: its kind, its unit and its chunk.
type pageID struct {
	kind        Kind
	unit, chunk int
}

// store has the stored pages of a sequence: where they lie on the device, and a
// mirror of the bits of their groups, one byte a group.
type store struct {
	geo   *geometry
	units [][]*segment // in the order of their chunks
	bits  [2][][]uint8 // [kind][unit][group], chunk after chunk

	total tally // of all segments
}

// segment is a device buffer with the pages of consecutive chunks of one unit,
// by chunk, K before V. A unit has few of them, because reading a layer takes a
// dispatch for each. Measured with BenchmarkModelStep, 400 tokens of SmolLM2's
// shape on llvmpipe, against pages of all layers in slabs of 64 KiB and more:
// 109, 93 and 84 CPU ms a token for none, uniform and qaq, not 184, 134 and 151.
type segment struct {
	buffer *sharedBuffer
	first  int       // its first chunk
	pages  [2][]span // [kind][chunk - first]
	used   int       // words up to the end of the last page
	tally  tally
}

// sharedBuffer is a buffer of pages that forks of a sequence hold together.
// While there are several holders no word of it changes.
type sharedBuffer struct {
	Buffer
	holders int
}

// release gives up a reference, the last one the buffer too.
func (b *sharedBuffer) release() {
	if b.holders--; b.holders == 0 {
		b.Buffer.Release()
	}
}

// span is the place of a page in its segment, in words.
type span struct{ at, words int }

// pageAlign is the alignment of pages in words.
const pageAlign = shaders.Align

func newStore(geo *geometry) *store {
	s := &store{geo: geo, units: make([][]*segment, geo.units)}
	for k := range s.bits {
		s.bits[k] = make([][]uint8, geo.units)
	}
	return s
}

// pageBits is the mirror of a page: the bits of its groups.
func (s *store) pageBits(p pageID) []uint8 {
	n := s.geo.pageGroups
	return s.bits[p.kind][p.unit][p.chunk*n : (p.chunk+1)*n]
}

// segmentOf is the segment of a stored chunk.
func (s *store) segmentOf(unit, chunk int) *segment {
	list := s.units[unit]
	return list[sort.Search(len(list), func(i int) bool { return list[i].end() > chunk })]
}

// lastOf is the segment that the next pages of a unit go to.
func (s *store) lastOf(unit int) *segment { return s.units[unit][len(s.units[unit])-1] }

// end is the chunk behind the last one of a segment.
func (g *segment) end() int { return g.first + len(g.pages[Key]) }

// pageWords is the size of a page with the given mirror.
func (g *geometry) pageWords(bits []uint8) int {
	return g.layout.PageWords(plainBits(bits))
}

// plainBits turns failed groups to raw ones.
func plainBits(mirror []uint8) []uint8 {
	out := make([]uint8, len(mirror))
	for i, b := range mirror {
		out[i] = min(b, rawBits)
	}
	return out
}

// add enters the next page of a kind and unit behind the used part of its
// segment.
func (s *store) add(seg *segment, p pageID, at, words int, bits []uint8) {
	seg.pages[p.kind] = append(seg.pages[p.kind], span{at, words})
	seg.used = at + words
	s.bits[p.kind][p.unit] = append(s.bits[p.kind][p.unit], bits...)
	s.tally(seg, p.kind, bits, words, 1)
}

// truncate drops the chunks from the given one on.
func (s *store) truncate(chunks int) {
	for unit, list := range s.units {
		for len(list) > 0 && list[len(list)-1].end() > chunks {
			last := list[len(list)-1]
			for last.end() > max(chunks, last.first) {
				s.dropLast(unit, last)
			}
			if last.end() == last.first {
				last.buffer.release()
				list = list[:len(list)-1]
			}
		}
		s.units[unit] = list
	}
}

// dropLast drops the last chunk of a segment.
func (s *store) dropLast(unit int, seg *segment) {
	chunk := seg.end() - 1
	for k := range seg.pages {
		p := pageID{Kind(k), unit, chunk}
		place := seg.pages[k][chunk-seg.first]
		s.tally(seg, p.kind, s.pageBits(p), place.words, -1)
		s.bits[k][unit] = s.bits[k][unit][:chunk*s.geo.pageGroups]
		seg.pages[k] = seg.pages[k][:chunk-seg.first]
		seg.used = min(seg.used, place.at)
	}
}

// tally counts a page in (sign 1) or out (-1).
func (s *store) tally(seg *segment, k Kind, bits []uint8, words int, sign int64) {
	t := tally{words: sign * int64(words), pages: sign}
	for _, b := range bits {
		if b == failedBits {
			t.failed += sign
		}
		t.groups[k][min(b, rawBits)] += sign
	}
	seg.tally.add(t)
	s.total.add(t)
}

// mirrorBytes are the host bytes of the mirror and the page table.
func (s *store) mirrorBytes() int64 {
	n := s.total.pages * int64(unsafe.Sizeof(span{}))
	for k := range s.bits {
		for u := range s.bits[k] {
			n += int64(cap(s.bits[k][u]))
		}
	}
	return n
}

func (s *store) release() { s.truncate(0) }
