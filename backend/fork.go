package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Fork adds a sequence that equals this one and goes its own way from here.
// Pages and host rows are shared until one of the two changes them; the recent
// window and importance are copied on the device. Moves of the new one begin at zero.
//
// The error wraps ErrSequences when the cache has as many sequences as its
// configuration allows, and ErrUnfinishedStep between Append and Step.
func (s *Sequence) Fork() (*Sequence, error) {
	if err := s.finished("fork"); err != nil {
		return nil, err
	}
	s.c.finish(s)
	f, err := s.c.newSequence()
	if err != nil {
		return nil, err
	}
	err = s.copyRing("fork", f.ring, s.ringFrom, s.tokens)
	if err == nil {
		err = s.host.fork(&f.host)
	}
	if err == nil {
		err = s.importance.copyTo(f.importance)
	}
	if err != nil {
		f.host.pool.drop(f.id)
		f.release()
		return nil, err
	}
	f.tokens, f.stored, f.ringFrom, f.steps = s.tokens, s.stored, s.ringFrom, s.steps
	for k := range s.remembered {
		for unit := range s.remembered[k] {
			f.remembered[k][unit] = s.remembered[k][unit].clone()
		}
	}
	f.store.share(s.store)
	s.c.enter(f)
	return f, nil
}

// finished says why a call between steps cannot be served.
func (s *Sequence) finished(call string) error {
	if err := s.usable(0); err != nil {
		return err
	}
	for layer, n := range s.pending {
		if n > 0 {
			return fmt.Errorf("backend: %s: layer %d has %d tokens of the current step: %w", call, layer, n, ErrUnfinishedStep)
		}
	}
	return nil
}

// copyRing copies the tokens from..to of the recent window to another ring.
func (s *Sequence) copyRing(role string, to device.Buffer, from, end int) error {
	if from == end {
		return nil
	}
	return s.c.run(role, func(l *device.List) {
		s.c.recordRing(l, s.ring, to, from, end)
		l.Mark(role)
	})
}

// recordRing records the copying of tokens from..end between two rings.
func (c *Cache) recordRing(l *device.List, src, dst device.Buffer, from, end int) {
	var regions []device.Region
	for token := from; token < end; {
		n := min(end-token, c.geo.slots-token%c.geo.slots)
		at := c.geo.ringAt(token, shaders.Key, 0)
		regions = append(regions, device.Region{Src: at, Dst: at, Words: n * c.geo.slotWords()})
		token += n
	}
	l.Copy(src, dst, regions...)
}

// fork gives to the rows that are here.
func (h *hostRows) fork(to *hostRows) error {
	if h.pool.rows == nil {
		return nil
	}
	if err := h.pool.rows.Fork(h.id, to.id); err != nil {
		return fmt.Errorf("backend: fork: %w", err)
	}
	to.kept = h.kept
	return nil
}
