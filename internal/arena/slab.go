package arena

import (
	"fmt"
)

// slab is the host's view of one device buffer.
type slab struct {
	words, live uint32            // live as in Stats
	pages       map[uint32]uint32 // offset to words as asked for
	begins      map[uint32]uint32 // offset of a hole to its words
	ends        map[uint32]uint32 // end of a hole to its offset
	draining    bool              // Compaction empties it
}

// hole is free room in a slab.
type hole struct {
	words uint32
	at    Ref
}

func smaller(a, b hole) bool {
	if a.words != b.words {
		return a.words < b.words
	}
	if a.at.Slab != b.at.Slab {
		return a.at.Slab < b.at.Slab
	}
	return a.at.Offset < b.at.Offset
}

func aligned(words uint32) uint32 { return (words + Align - 1) &^ (Align - 1) }

// bestFit returns the smallest hole of at least words in a slab that may is
// true for.
func (a *Arena) bestFit(words uint32, may func(*slab) bool) (found hole, ok bool) {
	a.holes.Ascend(hole{words: aligned(words), at: Ref{Slab: -1}}, func(h hole) bool {
		found, ok = h, may(a.list[h.at.Slab])
		return !ok
	})
	return found, ok
}

// place puts a page at the beginning of a hole.
func (a *Arena) place(h hole, words uint32) Ref {
	a.dropHole(h)
	s, taken := a.list[h.at.Slab], aligned(words)
	if taken < h.words {
		a.addHole(Ref{h.at.Slab, h.at.Offset + taken}, h.words-taken)
	}
	s.pages[h.at.Offset] = words
	s.live += words
	a.live += int64(words)
	a.pages++
	return h.at
}

// addHole enters a hole, joined with the holes on either side.
func (a *Arena) addHole(at Ref, words uint32) {
	s := a.list[at.Slab]
	if next, ok := s.begins[at.Offset+words]; ok {
		a.dropHole(hole{next, Ref{at.Slab, at.Offset + words}})
		words += next
	}
	if before, ok := s.ends[at.Offset]; ok {
		joined := hole{at.Offset - before, Ref{at.Slab, before}}
		a.dropHole(joined)
		at, words = joined.at, words+joined.words
	}
	s.begins[at.Offset] = words
	s.ends[at.Offset+words] = at.Offset
	a.holes.Set(hole{words, at})
}

func (a *Arena) dropHole(h hole) {
	s := a.list[h.at.Slab]
	delete(s.begins, h.at.Offset)
	delete(s.ends, h.at.Offset+h.words)
	a.holes.Delete(h)
}

// grow makes a slab for a page of the given words: a fixed part of what is
// live, in whole pages of that size, or just the page if there is no room for
// more.
func (a *Arena) grow(words uint32) (hole, error) {
	target := uint32(min(max(a.live/growth, MinSlab), MaxSlab))
	h, err := a.create(words * max(1, target/words))
	if err != nil && words < target {
		h, err = a.create(words)
	}
	return h, err
}

// create makes a slab that is one hole.
func (a *Arena) create(words uint32) (hole, error) {
	if a.limit > 0 && a.committed+int64(words) > a.limit {
		return hole{}, fmt.Errorf("arena: slab of %d bytes with %d of %d bytes committed: %w",
			4*int64(words), 4*a.committed, 4*a.limit, ErrFull)
	}
	id := 0
	for id < len(a.list) && a.list[id] != nil {
		id++
	}
	if err := a.slabs.Create(id, words); err != nil {
		return hole{}, fmt.Errorf("arena: slab of %d bytes: %w", 4*int64(words), err)
	}
	if id == len(a.list) {
		a.list = append(a.list, nil)
	}
	a.list[id] = &slab{words: words, pages: map[uint32]uint32{},
		begins: map[uint32]uint32{}, ends: map[uint32]uint32{}}
	a.committed += int64(words)
	a.addHole(Ref{Slab: id}, words)
	return hole{words, Ref{Slab: id}}, nil
}

// destroy frees a slab and whatever it holds.
func (a *Arena) destroy(id int) {
	s := a.list[id]
	for offset, words := range s.begins {
		a.holes.Delete(hole{words, Ref{id, offset}})
	}
	a.committed -= int64(s.words)
	a.list[id] = nil
	a.slabs.Destroy(id)
}
