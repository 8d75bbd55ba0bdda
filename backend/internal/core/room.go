package core

import (
	"fmt"
	"math"
	"sort"

	"github.com/qaqvk/qaqvk/backend/device"
)

// Room hands out a buffer's words from its begin on, each piece at a multiple of
// the alignment. What a list needs is taken from rooms by one function, which
// both measures how much fits and says where things lie when it is recorded.
type Room struct {
	buffer      device.Buffer
	first, end  int // words of the buffer that the room has
	align, used int
	err         error // the first piece that found no place
}

// Measuring is a room without end that shows what a recording takes.
func Measuring(align int) *Room { return &Room{end: math.MaxInt, align: align} }

// NewRoom is the room of a whole buffer.
func NewRoom(b device.Buffer, align int) *Room { return &Room{buffer: b, end: b.Len(), align: align} }

// PartRoom is the room of some words of a buffer, from an aligned one on.
func PartRoom(b device.Buffer, first, words, align int) *Room {
	return &Room{buffer: b, first: first, end: first + words, align: align}
}

// Take takes words. Where they are not there, Err says so, and the view is of
// the room's first words.
func (r *Room) Take(words int) device.View {
	at := r.first + r.used
	if r.err == nil && at+words > r.end {
		r.err = fmt.Errorf("%s: no room for %d words behind the first %d of %d", r.buffer.Label(), words, r.used, r.end-r.first)
	}
	r.used = RoundUp(r.used+words, r.align)
	if r.err != nil {
		return device.View{Buffer: r.buffer, Offset: r.first, Words: min(words, r.end-r.first)}
	}
	return device.View{Buffer: r.buffer, Offset: at, Words: words}
}

// Put takes room for words of mapped memory and copies them there.
func (r *Room) Put(words []uint32) device.View {
	v := r.Take(len(words))
	if r.err == nil {
		copy(r.buffer.Words()[v.Offset:], words)
	}
	return v
}

// Used are the words taken so far, alignment included.
func (r *Room) Used() int { return r.used }

// Err tells of the first piece that found no place; nil: all did.
func (r *Room) Err() error { return r.err }

// Most is the largest n from 1 to most that fits, or 1.
func Most(most int, fits func(n int) bool) int {
	return max(1, sort.Search(most, func(i int) bool { return !fits(i + 1) }))
}
