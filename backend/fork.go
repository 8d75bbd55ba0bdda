package backend

import "fmt"

// Fork adds a sequence that equals this one; from here on each changes alone.
// Pages and host rows are shared until one of the two changes them; the recent
// window and importance are copied on the device. Moves of the new one begin at zero.
//
// The error wraps ErrSequences when the cache has as many sequences as its
// configuration allows, and ErrUnfinishedStep between Append and Step.
func (s *Sequence) Fork() (*Sequence, error) {
	if err := s.finished("fork"); err != nil {
		return nil, err
	}
	s.c.adapter.Finish(s.adapting)
	f, err := s.c.newSequence(s.window.Ring.Tokens)
	if err != nil {
		return nil, err
	}
	if err := s.copyTo(f); err != nil {
		f.host.Drop()
		f.release()
		return nil, err
	}
	s.c.enter(f)
	return f, nil
}

// copyTo makes a new sequence one that equals this one.
func (s *Sequence) copyTo(f *Sequence) error {
	if err := s.window.CopyTo("fork", f.window.Ring, s.window.From, s.extent.Tokens); err != nil {
		return err
	}
	if err := s.host.Fork(f.host); err != nil {
		return err
	}
	if err := s.state.copyTo(f.state); err != nil {
		return err
	}
	f.extent, f.steps, f.due, f.sinceRound, f.window.From = s.extent, s.steps, s.due, s.sinceRound, s.window.From
	f.table.Share(s.table)
	return nil
}

// finished says why a call between steps cannot be served.
func (s *Sequence) finished(call string) error {
	if err := s.idle(0); err != nil {
		return err
	}
	for layer, n := range s.pending {
		if n > 0 {
			return fmt.Errorf("backend: %s: layer %d has %d tokens of the current step: %w", call, layer, n, ErrUnfinishedStep)
		}
	}
	return nil
}
