// Package window has the recent window of a sequence: a ring on the device with
// the newest tokens as they came, and rows that wait to be converted into it.
package window

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Staging is the upload buffer of a cache as its windows share it: appended rows
// of the host wait there until a list converts them into the ring.
type Staging struct {
	work    *core.Work
	used    int    // words of waiting rows
	counted uint32 // what Work.Clamped was when it was read last
	clamped int64
	windows []*Window
}

// NewStaging shares the upload buffer of a cache.
func NewStaging(w *core.Work) *Staging { return &Staging{work: w} }

// head are the words before rows in the upload buffer. The first says where in
// the ring they go, in rows of K or V of a token, so that one list serves every
// token.
const head = shaders.Align

// Words are the words of the upload buffer that rows of so many take.
func Words(rowWords int) int { return head + rowWords }

// Free converts the rows of all windows that wait in the upload buffer into their
// rings, so that the buffer is free for other use.
func (s *Staging) Free() error {
	for _, w := range s.windows {
		if !w.staged() {
			continue
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// settle frees the buffer once no window has rows in it.
func (s *Staging) settle() {
	if !slices.ContainsFunc(s.windows, (*Window).staged) {
		s.used = 0
	}
}

// Clamped are the elements that were clamped when they were converted into any ring.
func (s *Staging) Clamped() int64 { return s.clamped }

// newlyClamped reads how many elements were clamped since it did so last.
func (s *Staging) newlyClamped() int64 {
	now := s.work.Clamped.Words()[0]
	n := int64(now - s.counted)
	s.counted, s.clamped = now, s.clamped+n
	return n
}
