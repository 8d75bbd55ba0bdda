package pages

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
)

// headroom is the part of a layer group's segment that is left free for the next
// pages: 1/24 keeps the slack below 5 %, at the price of copying each page some
// 24 times while its segment grows.
const headroom = 24

// segmentWords is the size up to which a segment of a layer group grows: what is
// copied at once when it grows or when bits in it change. It is 8 MiB; 64 MiB for
// the largest caches, so that there are no more than a device can count.
func (a *Arena) segmentWords() int {
	return min(max(a.geo.Capacity*a.geo.TokenWords/1024, 1<<21), 1<<24)
}

// Growth is the room for the next pairs of a layer group. Where there was none,
// that is a new segment, to which its last ones move if they can. Nothing changes
// before Commit; Drop gives the room back.
type Growth struct {
	Pairs  []*Pair // the next ones
	arena  *Arena
	moved  []*Pair // those that move
	places []*Pair // where to
}

// Fit finds room for the next pairs of a layer group without memory for it: for
// all or none.
func (t *Table) Fit(layerGroup int, sizes []Sizes) (Growth, bool) {
	var near *Segment
	if list := t.pairs[layerGroup]; len(list) > t.freed[layerGroup] {
		near = list[len(list)-1].Segment
	}
	pairs := t.arena.PlaceAll(near, layerGroup, sizes)
	return Growth{Pairs: pairs, arena: t.arena}, pairs != nil
}

// Enlarge makes a segment for the next pairs of a layer group and those that can
// move there.
func (t *Table) Enlarge(layerGroup int, sizes []Sizes) (Growth, error) {
	words := 0
	for _, size := range sizes {
		words += size.Words()
	}
	g := Growth{arena: t.arena, moved: t.movable(layerGroup, words)}
	seg, err := t.arena.NewSegment(layerGroup, len(t.pairs[layerGroup])-len(g.moved), words+g.Copied(), true)
	if err != nil {
		return Growth{}, err
	}
	for _, p := range g.moved {
		g.places = append(g.places, t.arena.placeIn(seg, p.Sizes()))
	}
	g.Pairs = t.arena.PlaceAll(seg, layerGroup, sizes)
	return g, nil
}

// movable are the last pairs of a layer group if they are all of a segment outside
// the reserve, no fork holds them, and so many words more fit a segment with them.
func (t *Table) movable(layerGroup, more int) []*Pair {
	last := t.lastRun(layerGroup)
	if last == nil || last[0].Segment.Reserved || !t.arena.holds(last) || words(last)+more > t.arena.segmentWords() {
		return nil
	}
	for _, p := range last {
		if p.holders > 1 {
			return nil
		}
	}
	return last
}

// NewSegment makes a segment for pairs of a layer group, the first of which has
// the given page number, with headroom if more will follow.
func (a *Arena) NewSegment(layerGroup, first, words int, follow bool) (*Segment, error) {
	if follow {
		words = max(words, min(words+words/headroom, a.segmentWords()))
	}
	seg, err := a.newSegment(fmt.Sprintf("pages.%d.%d", layerGroup, first), words, false)
	if err != nil {
		return nil, fmt.Errorf("backend: pages of layer group %d: %w", layerGroup, err)
	}
	return seg, nil
}

// Copied are the words of pairs that move.
func (g *Growth) Copied() int { return words(g.moved) }

// Record records the copying of the pairs that move; false: there are none.
func (g *Growth) Record(l *device.List) bool {
	if len(g.moved) == 0 {
		return false
	}
	recordCopies(l, g.moved, g.places)
	return true
}

// recordCopies records the copying of pairs of a segment to their places.
func recordCopies(l *device.List, pairs, places []*Pair) {
	from := pairs[0].Segment.Buffer
	for len(pairs) > 0 {
		var regions []device.Region
		to := places[0].Segment
		for len(pairs) > 0 && places[0].Segment == to {
			span := pairs[0].Span()
			regions = core.JoinRegion(regions, device.Region{Src: span.At, Dst: places[0].Span().At, Words: span.Words})
			pairs, places = pairs[1:], places[1:]
		}
		l.Copy(from, to.Buffer, regions...)
	}
}

// Commit makes the room the layer group's: pairs are appended as their pages are
// written.
func (g *Growth) Commit() {
	for i, p := range g.moved {
		g.arena.move(p, g.places[i])
	}
}

// Drop gives the room back.
func (g *Growth) Drop() {
	g.arena.FreeAll(g.places)
	g.arena.FreeAll(g.Pairs)
}
