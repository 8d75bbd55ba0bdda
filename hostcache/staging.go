package hostcache

import (
	"context"
	"fmt"
	"slices"
)

// Slot is a piece of the staging memory, lent by Acquire.
type Slot struct {
	Index int // of Config.Staging
	Bytes []byte
	held  bool
}

// job is a published slot and where its rows go.
type job struct {
	slot   *Slot
	ranges []Range
}

// Acquire lends a slot, as soon as one is free. The error is the context's or
// ErrClosed.
func (h *Cache) Acquire(ctx context.Context) (*Slot, error) {
	select {
	case s := <-h.free:
		return h.lend(s)
	default:
	}
	h.mu.Lock()
	h.stats.AcquireWaits++
	h.mu.Unlock()
	select {
	case s := <-h.free:
		return h.lend(s)
	case <-ctx.Done():
		return nil, fmt.Errorf("hostcache: acquire one of %d slots: %w", cap(h.free), ctx.Err())
	case <-h.closed:
		return nil, fmt.Errorf("hostcache: acquire: %w", ErrClosed)
	}
}

func (h *Cache) lend(s *Slot) (*Slot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isClosed {
		return nil, fmt.Errorf("hostcache: acquire: %w", ErrClosed)
	}
	s.held = true
	return s, nil
}

// Release gives a slot back unpublished. The error is ErrSlot.
func (h *Cache) Release(s *Slot) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.holds(s) {
		return fmt.Errorf("hostcache: release: %w", ErrSlot)
	}
	s.held = false
	h.free <- s // never blocks: it has room for every slot
	return nil
}

func (h *Cache) holds(s *Slot) bool {
	return s != nil && s.held && slices.Contains(h.slots, s)
}

// Publish hands a filled slot over: it begins with the rows of the ranges, one
// range after another. Room for all rows is reserved before it returns. The
// error wraps ErrClosed, ErrSlot, ErrRange, ErrStored or ErrBudget; then
// nothing is stored and the caller still holds the slot.
func (h *Cache) Publish(s *Slot, ranges ...Range) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.isClosed:
		return fmt.Errorf("hostcache: publish: %w", ErrClosed)
	case !h.holds(s):
		return fmt.Errorf("hostcache: publish: %w", ErrSlot)
	}
	if err := h.fits(s, ranges); err != nil {
		return err
	}
	if err := h.reserve(ranges); err != nil {
		return err
	}
	s.held = false
	h.queue <- job{s, append([]Range(nil), ranges...)} // never blocks: a slot is in it once
	return nil
}

// fits checks the ranges and that the slot is large enough for them.
func (h *Cache) fits(s *Slot, ranges []Range) error {
	most, rows := len(s.Bytes)/h.config.RowBytes, 0
	for _, r := range ranges {
		if err := h.check(r); err != nil {
			return err
		}
		if r.Tokens > most || r.Layers > most || rows+r.rows() > most {
			return fmt.Errorf("hostcache: publish %d layers of %d tokens after %d rows, a slot holds %d rows: %w",
				r.Layers, r.Tokens, rows, most, ErrRange)
		}
		rows += r.rows()
	}
	return nil
}

// reserve marks the rows pending and makes or copies their blocks, or changes
// nothing.
func (h *Cache) reserve(ranges []Range) error {
	taken := map[uint64]map[place]uint64{} // bits by block
	fresh := int64(0)
	for _, r := range ranges {
		if taken[r.Sequence] == nil {
			taken[r.Sequence] = map[place]uint64{}
		}
		bits := taken[r.Sequence]
		for i := range r.rows() {
			k := r.key(i)
			v := h.find(k)
			if bits[k.place()]&k.bit() != 0 || v != nil && (v.stored|v.pending)&k.bit() != 0 {
				return fmt.Errorf("hostcache: publish %v: %w", k, ErrStored)
			}
			if bits[k.place()] == 0 && (v == nil || v.holders > 1) {
				fresh += h.blockBytes()
			}
			bits[k.place()] |= k.bit()
		}
	}
	if h.stats.Bytes+fresh > h.config.Budget {
		return fmt.Errorf("hostcache: %d bytes more with %d of %d bytes in use: %w",
			fresh, h.stats.Bytes, h.config.Budget, ErrBudget)
	}
	h.mark(ranges)
	return nil
}

// mark enters rows that reserve has found room for.
func (h *Cache) mark(ranges []Range) {
	for _, r := range ranges {
		s := h.sequences[r.Sequence]
		if s == nil {
			s = &sequence{blocks: map[place]*view{}}
			h.sequences[r.Sequence] = s
		}
		for i := range r.rows() {
			k := r.key(i)
			h.writable(s, k.place()).pending |= k.bit()
		}
		s.pending += r.rows()
		h.stats.Pending += r.rows()
	}
}
