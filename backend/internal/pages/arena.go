package pages

import (
	"fmt"
	"sync"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
)

// Arena finds room for pairs: in the reserve, whose segments all tables share,
// or in segments of a layer group. Adaptations do that while steps go on.
type Arena struct {
	geo     *core.Geometry
	dev     device.Device
	reserve []*Segment
	tables  map[*Table]bool

	mu       sync.Mutex
	words    int64 // of all segments
	segments int
}

// NewArena makes the arena of a cache with a reserve of so many words in n
// segments.
func NewArena(dev device.Device, geo *core.Geometry, reserve, n int) (*Arena, error) {
	a := &Arena{geo: geo, dev: dev, tables: map[*Table]bool{}}
	for i := range n {
		seg, err := a.newSegment(fmt.Sprintf("reserve.%d", i), reserve/n, true)
		if err != nil {
			a.Close()
			return nil, fmt.Errorf("backend: reserve of %d bytes: %w", 4*reserve, err)
		}
		a.reserve = append(a.reserve, seg)
	}
	return a, nil
}

func (a *Arena) newSegment(label string, words int, reserved bool) (*Segment, error) {
	b, err := a.dev.NewBuffer(label, core.RoundUp(max(words, 1), Align), device.DeviceLocal)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.words += int64(b.Len())
	a.segments++
	return newSegment(b, reserved), nil
}

// Place finds room for a pair of a layer group: in the segment near it (nil:
// none) or in the reserve; nil where there is none.
func (a *Arena) Place(near *Segment, layerGroup int, sizes Sizes) *Pair {
	if near != nil {
		if p := a.placeIn(near, sizes); p != nil {
			return p
		}
	}
	n := len(a.reserve)
	for i := range n {
		if seg := a.reserve[(layerGroup*n/a.geo.LayerGroups+i)%n]; seg != near {
			if p := a.placeIn(seg, sizes); p != nil {
				return p
			}
		}
	}
	return nil
}

// PlaceAll finds room for pairs of a layer group, for all or none.
func (a *Arena) PlaceAll(near *Segment, layerGroup int, sizes []Sizes) []*Pair {
	var pairs []*Pair
	for _, size := range sizes {
		p := a.Place(near, layerGroup, size)
		if p == nil {
			a.FreeAll(pairs)
			return nil
		}
		pairs, near = append(pairs, p), p.Segment
	}
	return pairs
}

// placeIn finds room for a pair in a segment; nil where there is none.
func (a *Arena) placeIn(seg *Segment, sizes Sizes) *Pair {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := seg.take(sizes.Words())
	if !ok {
		return nil
	}
	return &Pair{seg, sizes.at(at), 1}
}

// Free gives up the place of a pair; a segment outside the reserve is freed with
// its last one.
func (a *Arena) Free(p *Pair) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.Segment.give(p.Span())
	if p.Segment.used() == 0 && !p.Segment.Reserved {
		a.drop(p.Segment)
	}
}

// FreeAll gives up the places of pairs.
func (a *Arena) FreeAll(pairs []*Pair) {
	for _, p := range pairs {
		a.Free(p)
	}
}

// drop frees the memory of a segment.
func (a *Arena) drop(seg *Segment) {
	a.words -= int64(seg.Buffer.Len())
	a.segments--
	seg.Buffer.Release()
}

// move puts a pair where another one is, which goes.
func (a *Arena) move(p, to *Pair) {
	a.Free(p)
	p.Segment, p.Pages = to.Segment, to.Pages
}

// holds tells whether pairs are all that lies in their segment.
func (a *Arena) holds(pairs []*Pair) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return pairs[0].Segment.used() == words(pairs)
}

// Size are the words of all segments, and how many there are.
func (a *Arena) Size() (words int64, segments int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.words, a.segments
}

// Reserve are the segments of the reserve.
func (a *Arena) Reserve() []*Segment { return a.reserve }

// Room are the words of the reserve that nothing has, and whether there is a reserve.
func (a *Arena) Room() (words int, reserved bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, seg := range a.reserve {
		free, _ := seg.room()
		words += free
	}
	return words, len(a.reserve) > 0
}

// each calls f for every pair of all tables, once for those that several hold.
func (a *Arena) each(f func(layerGroup int, p *Pair)) {
	known := map[*Pair]bool{}
	for t := range a.tables {
		for lg, list := range t.pairs {
			for _, p := range list[t.freed[lg]:] {
				if !known[p] {
					known[p] = true
					f(lg, p)
				}
			}
		}
	}
}

// Count counts the pages of all tables, those that several hold once.
func (a *Arena) Count() *Counts {
	c, known := &Counts{}, map[*Pair]bool{}
	for t := range a.tables {
		t.count(c, known)
	}
	return c
}

// Close frees the reserve. No pair lies in it any more.
func (a *Arena) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, seg := range a.reserve {
		a.drop(seg)
	}
	a.reserve = nil
}
