package attend

import (
	"fmt"
	"math/bits"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
)

// Held is what a recorded call needs until it has run.
type Held struct {
	frames   device.Buffer
	borrowed bool
}

// Record records a call in a list that someone else runs, once and whole, before
// anything of the sequence changes; rows are Views. What the list knows of tokens lies in
// frames; what it works with goes back by Give after the run.
func (a *Attention) Record(l *device.List, c Call) (held Held, err error) {
	one := *a
	one.pace = core.NewPace(-1, 1) // the list is not split
	r := one.newCall(c, true)
	if one.frames, err = a.take(r.frameWords); err != nil {
		r.end()
		return Held{}, fmt.Errorf("backend: record attention: %w", err)
	}
	c.Window.Record(l)
	for i, b := range r.batches {
		if i > 0 {
			l.Barrier(device.Shader, device.Shader)
		}
		r.record(l, b)
	}
	r.writeFrames()
	return Held{one.frames, r.borrowed}, nil
}

// take is a buffer of at least so many words that nothing uses.
func (a *Attention) take(words int) (device.Buffer, error) {
	for i, b := range a.spare {
		if b.Len() >= words {
			last := len(a.spare) - 1
			a.spare[i], a.spare = a.spare[last], a.spare[:last]
			return b, nil
		}
	}
	return a.work.Device.NewBuffer("recorded frames", 1<<bits.Len(uint(words-1)), device.Upload)
}

// Give takes back what a recorded call held.
func (a *Attention) Give(h Held) {
	a.spare = append(a.spare, h.frames)
	if h.borrowed {
		a.spaces.giveBack()
	}
}
