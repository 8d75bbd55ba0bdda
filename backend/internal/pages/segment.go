package pages

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
)

// Segment is a device buffer that pairs lie in: a part of the reserve, or one
// that a layer group of a sequence has outside it.
type Segment struct {
	Buffer   device.Buffer
	Reserved bool
	free     []Span // ascending, none empty, never adjacent
}

// Span is a run of words of a segment.
type Span struct{ At, Words int }

func (s Span) end() int { return s.At + s.Words }

func newSegment(b device.Buffer, reserved bool) *Segment {
	return &Segment{Buffer: b, Reserved: reserved, free: []Span{{0, b.Len()}}}
}

// take takes words from the shortest run of free ones that has as many.
func (g *Segment) take(words int) (at int, ok bool) {
	best := -1
	for i, f := range g.free {
		if f.Words >= words && (best < 0 || f.Words < g.free[best].Words) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	f := &g.free[best]
	at = f.At
	if f.At, f.Words = f.At+words, f.Words-words; f.Words == 0 {
		g.free = slices.Delete(g.free, best, best+1)
	}
	return at, true
}

// give returns what take took.
func (g *Segment) give(s Span) {
	i, _ := slices.BinarySearchFunc(g.free, s.At, func(f Span, at int) int { return f.At - at })
	if i < len(g.free) && s.end() == g.free[i].At {
		s.Words += g.free[i].Words
		g.free = slices.Delete(g.free, i, i+1)
	}
	if i > 0 && g.free[i-1].end() == s.At {
		g.free[i-1].Words += s.Words
		return
	}
	g.free = slices.Insert(g.free, i, s)
}

// Free are the runs of free words, ascending.
func (g *Segment) Free() []Span { return g.free }

// room are the free words, and the most of them side by side.
func (g *Segment) room() (words, widest int) {
	for _, f := range g.free {
		words, widest = words+f.Words, max(widest, f.Words)
	}
	return words, widest
}

// used are the words of its pairs.
func (g *Segment) used() int {
	words, _ := g.room()
	return g.Buffer.Len() - words
}
