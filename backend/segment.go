package backend

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
)

// segment is a device buffer with blocks: a part of the reserve, or one that a
// unit of a sequence has beside it.
type segment struct {
	buffer   device.Buffer
	reserved bool
	blocks   int    // that lie in it
	free     []span // ascending, none empty, never adjacent
}

// span is a run of words of a segment.
type span struct{ at, words int }

func (s span) end() int { return s.at + s.words }

func newSegment(b device.Buffer, reserved bool) *segment {
	return &segment{buffer: b, reserved: reserved, free: []span{{0, b.Len()}}}
}

// take takes words where they leave least free beside them.
func (g *segment) take(words int) (at int, ok bool) {
	best := -1
	for i, f := range g.free {
		if f.words >= words && (best < 0 || f.words < g.free[best].words) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	f := &g.free[best]
	at = f.at
	if f.at, f.words = f.at+words, f.words-words; f.words == 0 {
		g.free = slices.Delete(g.free, best, best+1)
	}
	return at, true
}

// give returns what take took.
func (g *segment) give(s span) {
	i, _ := slices.BinarySearchFunc(g.free, s.at, func(f span, at int) int { return f.at - at })
	if i < len(g.free) && s.end() == g.free[i].at {
		s.words += g.free[i].words
		g.free = slices.Delete(g.free, i, i+1)
	}
	if i > 0 && g.free[i-1].end() == s.at {
		g.free[i-1].words += s.words
		return
	}
	g.free = slices.Insert(g.free, i, s)
}

// room are the free words, and the most of them side by side.
func (g *segment) room() (words, widest int) {
	for _, f := range g.free {
		words, widest = words+f.words, max(widest, f.words)
	}
	return words, widest
}
