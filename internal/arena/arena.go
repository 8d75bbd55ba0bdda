// Package arena places pages of the cache in device buffers. It is pure
// bookkeeping on the host: the caller creates and destroys the buffers, which
// the arena calls slabs, and moves the pages when the arena asks for it.
//
// Sizes and offsets are in 32-bit words. Every page begins at a multiple of
// Align words. An Arena is not safe for concurrent use.
package arena

import (
	"errors"
	"fmt"

	"github.com/tidwall/btree"
)

const (
	// Align is the alignment of pages in words (128 bits).
	Align = 4
	// MinSlab is the size of the first slabs in words (32 KiB).
	MinSlab = 1 << 13
	// MaxSlab is the size in words up to which slabs grow with the arena
	// (64 MiB). A page that is larger gets a slab of its own.
	MaxSlab = 1 << 24
	// MaxPage is the largest page in words: the 2^27 bytes of a storage
	// buffer that Vulkan guarantees.
	MaxPage = 1 << 25
	// growth is the part of the live words that a new slab adds: 1/growth.
	growth = 64
)

var (
	// ErrFull says that the arena's limit leaves no room for the page.
	ErrFull = errors.New("arena full")
	// ErrPageSize says that a page is empty or larger than MaxPage.
	ErrPageSize = errors.New("page size out of range")
	// ErrUnknownPage says that no page lies at a Ref.
	ErrUnknownPage = errors.New("no such page")
)

// Ref is the place of a page: the slab's id and the offset in words. Ids are
// small and are used again after a slab is destroyed.
type Ref struct {
	Slab   int
	Offset uint32
}

// Slabs makes and frees the device buffers.
type Slabs interface {
	Create(id int, words uint32) error
	Destroy(id int)
}

// Stats counts words. Live are the words of the pages as asked for; Free is
// Committed - Live, which includes the words lost to alignment.
type Stats struct {
	Live, Committed, Free int64
	LargestHole           uint32
	Slabs, Pages          int
}

// Arena holds pages in slabs, best fit, neighbouring holes joined.
type Arena struct {
	slabs           Slabs
	limit           int64 // committed words, 0: none
	list            []*slab
	holes           *btree.BTreeG[hole] // by size, then place
	live, committed int64
	pages           int
}

// New returns an empty arena that commits at most limitWords words; 0 means
// that only the device sets a limit.
func New(slabs Slabs, limitWords int64) *Arena {
	options := btree.Options{NoLocks: true}
	return &Arena{slabs: slabs, limit: limitWords, holes: btree.NewBTreeGOptions(smaller, options)}
}

// Alloc finds room for a page of the given words, in the smallest hole that
// holds it or in a new slab. Its errors wrap ErrPageSize, ErrFull or what
// Slabs.Create returned; nothing is changed then.
func (a *Arena) Alloc(words int) (Ref, error) {
	if words < 1 || words > MaxPage {
		return Ref{}, fmt.Errorf("arena: page of %d words, limit 1..%d: %w", words, MaxPage, ErrPageSize)
	}
	size := uint32(words)
	if h, ok := a.bestFit(size, func(s *slab) bool { return !s.draining }); ok {
		return a.place(h, size), nil
	}
	if h, ok := a.bestFit(size, func(*slab) bool { return true }); ok {
		return a.place(h, size), nil
	}
	h, err := a.grow(aligned(size))
	if err != nil {
		return Ref{}, err
	}
	return a.place(h, size), nil
}

// Free gives the room of a page back and destroys the slab if it was the last
// page in it. The error is ErrUnknownPage.
func (a *Arena) Free(r Ref) error {
	words, ok := a.Words(r)
	if !ok {
		return fmt.Errorf("arena: free of slab %d word %d: %w", r.Slab, r.Offset, ErrUnknownPage)
	}
	s := a.list[r.Slab]
	delete(s.pages, r.Offset)
	s.live -= words
	a.live -= int64(words)
	a.pages--
	if len(s.pages) == 0 {
		a.destroy(r.Slab)
		return nil
	}
	a.addHole(r, aligned(words))
	return nil
}

// Words returns the size of the page at r as it was asked for.
func (a *Arena) Words(r Ref) (uint32, bool) {
	if r.Slab < 0 || r.Slab >= len(a.list) || a.list[r.Slab] == nil {
		return 0, false
	}
	words, ok := a.list[r.Slab].pages[r.Offset]
	return words, ok
}

// Release destroys every slab; all pages are gone.
func (a *Arena) Release() {
	for id, s := range a.list {
		if s != nil {
			a.live -= int64(s.live)
			a.pages -= len(s.pages)
			a.destroy(id)
		}
	}
}

// Stats returns the counters.
func (a *Arena) Stats() Stats {
	st := Stats{Live: a.live, Committed: a.committed, Free: a.committed - a.live, Pages: a.pages}
	if h, ok := a.holes.Max(); ok {
		st.LargestHole = h.words
	}
	for _, s := range a.list {
		if s != nil {
			st.Slabs++
		}
	}
	return st
}
