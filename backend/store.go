package backend

import (
	"fmt"
	"unsafe"

	"github.com/qaqvk/qaqvk/internal/arena"
)

// failedBits mark a group in the host's mirror that holds a NaN, an infinity
// or too wide a range: it is stored raw and stays so. encode reports it so.
const failedBits = 32

// pageID names a page: its kind, its unit and its chunk.
type pageID struct {
	kind        Kind
	unit, chunk int
}

// store has the stored pages of a cache: where they lie on the device, and a
// mirror of the bits of their groups, one byte a group.
type store struct {
	geo   *geometry
	slabs *slabs
	arena *arena.Arena
	refs  [2][][]arena.Ref // [kind][unit][chunk]
	bits  [2][][]uint8     // [kind][unit][group], chunk after chunk

	codeWords int64                 // live words of all pages
	count     [2][rawBits + 1]int64 // groups by kind and bits
	failed    int64                 // groups that could not be quantized
}

func newStore(d Device, geo *geometry) *store {
	s := &store{geo: geo, slabs: &slabs{device: d}}
	s.arena = arena.New(s.slabs, 0)
	for k := range s.refs {
		s.refs[k] = make([][]arena.Ref, geo.units)
		s.bits[k] = make([][]uint8, geo.units)
	}
	return s
}

// pageBits is the mirror of a page: the bits of its groups.
func (s *store) pageBits(p pageID) []uint8 {
	n := s.geo.pageGroups
	return s.bits[p.kind][p.unit][p.chunk*n : (p.chunk+1)*n]
}

func (s *store) ref(p pageID) arena.Ref { return s.refs[p.kind][p.unit][p.chunk] }

// pageWords is the size of a page with the given mirror.
func (s *store) pageWords(bits []uint8) int {
	return s.geo.layout.PageWords(plainBits(bits))
}

// plainBits turns failed groups to raw ones.
func plainBits(mirror []uint8) []uint8 {
	out := make([]uint8, len(mirror))
	for i, b := range mirror {
		out[i] = min(b, rawBits)
	}
	return out
}

// add appends the next page of a kind and unit.
func (s *store) add(p pageID, at arena.Ref, bits []uint8) {
	s.refs[p.kind][p.unit] = append(s.refs[p.kind][p.unit], at)
	s.bits[p.kind][p.unit] = append(s.bits[p.kind][p.unit], bits...)
	s.tally(p.kind, bits, 1)
}

// replace gives a page a new place and new bits, and frees the old place.
func (s *store) replace(p pageID, at arena.Ref, bits []uint8) error {
	old := s.pageBits(p)
	s.tally(p.kind, old, -1)
	copy(old, bits)
	s.tally(p.kind, bits, 1)
	from := s.ref(p)
	s.refs[p.kind][p.unit][p.chunk] = at
	return s.arena.Free(from)
}

func (s *store) tally(k Kind, bits []uint8, sign int64) {
	for _, b := range bits {
		if b == failedBits {
			s.failed += sign
		}
		s.count[k][min(b, rawBits)] += sign
	}
}

// moved follows pages to where compaction has copied them.
func (s *store) moved(moves []arena.Move) {
	to := make(map[arena.Ref]arena.Ref, len(moves))
	for _, m := range moves {
		to[m.From] = m.To
	}
	for k := range s.refs {
		for _, refs := range s.refs[k] {
			for i, r := range refs {
				if n, ok := to[r]; ok {
					refs[i] = n
				}
			}
		}
	}
}

// chunks is the number of chunks stored.
func (s *store) chunks() int { return len(s.refs[Key][0]) }

// mirrorBytes are the host bytes of the mirror and the page table.
func (s *store) mirrorBytes() int64 {
	var n int64
	for k := range s.refs {
		for u := range s.refs[k] {
			n += int64(cap(s.bits[k][u])) + int64(cap(s.refs[k][u]))*int64(unsafe.Sizeof(arena.Ref{}))
		}
	}
	return n
}

// slabs are the device buffers of an arena.
type slabs struct {
	device  Device
	buffers []Buffer // by slab id; nil where none is
}

// Create makes the buffer of a slab.
func (s *slabs) Create(id int, words uint32) error {
	b, err := s.device.NewBuffer(fmt.Sprintf("slab%d", id), int(words), DeviceLocal)
	if err != nil {
		return err
	}
	for len(s.buffers) <= id {
		s.buffers = append(s.buffers, nil)
	}
	s.buffers[id] = b
	return nil
}

// Destroy releases the buffer of a slab.
func (s *slabs) Destroy(id int) {
	s.buffers[id].Release()
	s.buffers[id] = nil
}
