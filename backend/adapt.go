package backend

import (
	"context"
	"fmt"
	"time"
)

// Moves counts groups whose bits changed after they were stored, and what that
// took.
type Moves struct {
	Demoted   int64 `json:"demoted"`
	Promoted  int64 `json:"promoted"`
	Missed    int64 `json:"missed"`     // should have been promoted, but the host has no rows of them
	BytesUp   int64 `json:"bytes_up"`   // to the device: plans and what promotions lack
	BytesDown int64 `json:"bytes_down"` // to the host: decided bits and ranges
	LateSteps int64 `json:"late_steps"` // steps that promoted groups were used with the bits they had, summed over groups
	LateMax   int64 `json:"late_max"`   // the most of a group
}

func (m *Moves) add(n Moves) {
	m.Demoted += n.Demoted
	m.Promoted += n.Promoted
	m.Missed += n.Missed
	m.BytesUp += n.BytesUp
	m.BytesDown += n.BytesDown
	m.LateSteps += n.LateSteps
	m.LateMax = max(m.LateMax, n.LateMax)
}

// Adapting counts batches of adaptation, and what of their time was beside
// other work.
type Adapting struct {
	Batches int64         `json:"batches"`
	Beside  int64         `json:"beside"`    // of them, those that a later Step found ready
	Time    time.Duration `json:"time_ns"`   // from the decision until the batch was ready
	Host    time.Duration `json:"host_ns"`   // of that, the host's work: comparing, and preparing what promotions lack
	Waited  time.Duration `json:"waited_ns"` // of Time, what calls waited for
}

// Adapt decides the bits of all stored groups anew and moves those that change:
// fewer bits on the device alone, more bits with what the host supplies. Groups
// whose rows the host does not have keep their bits; with Config.Exact that is
// an error that wraps ErrHostBudget.
//
// It ends an adaptation that Step began, waits for its own, and returns what
// its own did, also when it fails: blocks are moved batch by batch, each
// batch wholly or not at all.
func (s *Sequence) Adapt(ctx context.Context) (Moves, error) {
	if err := s.usable(0); err != nil {
		return Moves{}, err
	}
	defer s.c.spanning("adapt", Calls)()
	s.c.finish(nil)
	if err := s.usable(0); err != nil {
		return Moves{}, err
	}
	return s.adaptAll(ctx)
}

// adaptAll is a whole round.
func (s *Sequence) adaptAll(ctx context.Context) (done Moves, err error) {
	if !s.c.adapts() {
		return done, nil
	}
	for s.round.begin(); s.round.active; {
		if err := ctx.Err(); err != nil {
			return done, fmt.Errorf("backend: adapt: %w", err)
		}
		started, err := s.c.start(s)
		if err != nil {
			return done, err
		}
		if !started {
			break
		}
		moves, err := s.c.land()
		done.add(moves)
		if err != nil {
			return done, err
		}
	}
	if s.c.cfg.Exact {
		return done, s.hostBudgetError()
	}
	return done, nil
}

// adaptStep is Step's part of adapting: what is ready lands, and the next batch
// gets on its way. It returns an error of an earlier one.
func (s *Sequence) adaptStep(ctx context.Context) error {
	every := s.c.cfg.AdaptEvery
	due := every > 0 && s.steps%every == 0 && s.c.adapts()
	if due && s.c.cfg.Exact {
		s.c.finish(nil)
		_, err := s.adaptAll(ctx)
		return err
	}
	if due {
		s.adaptLater()
	}
	s.c.pump()
	err := s.round.err
	s.round.err = nil
	if s.c.failed != nil {
		return s.c.failed
	}
	return err
}

// landForStep lands an adaptation that is ready. A step that will store pages
// into a segment that is rebuilt waits for it.
func (s *Sequence) landForStep() {
	a := s.c.adapter.flight
	if a == nil {
		return
	}
	if !a.ready() && !(a.s == s && s.c.cfg.leaving(s.tokens) > s.stored/s.c.cfg.PageTokens && a.follows) {
		return
	}
	if a.ready() {
		s.c.adapting.Beside++
	}
	s.landNow()
}

// landNow waits, in a Step of the sequence, for what is on the way, and lands it.
func (s *Sequence) landNow() {
	if a := s.c.adapter.flight; a != nil && a.s == s {
		a.ending = 1
	}
	s.c.finish(nil)
}

// finish waits for the adaptation on the way, if it is one of the sequence (nil:
// of any), and lands it. The sequence learns of its error from its next Step.
func (c *Cache) finish(s *Sequence) {
	if a := c.adapter.flight; a != nil && (s == nil || a.s == s) {
		_, err := c.land()
		a.s.round.err = joinErrors(a.s.round.err, err)
	}
}

// replace puts a block in the place of an old one.
func (s *store) replace(k, v moved) (done Moves) {
	var bits [2][]uint8
	for i, m := range [2]*moved{&k, &v} {
		bits[i] = m.old
		for g, b := range m.change.bits {
			if b > m.old[g] {
				done.Promoted++
			} else if b < m.old[g] {
				done.Demoted++
			}
		}
		if m.change.bits != nil {
			bits[i] = m.change.bits
		}
	}
	s.put(k.unit, k.chunk, k.to, bits)
	return done
}

// land waits until the adaptation on the way is ready and puts its blocks in
// the place of the old ones, which no unfinished list uses.
func (c *Cache) land() (Moves, error) {
	a := c.adapter.flight
	began := time.Now()
	<-a.done
	c.adapter.flight = nil
	a.cancel()
	c.adapting.Batches++
	c.adapting.Waited += time.Since(began)
	c.adapting.Time += a.took
	c.adapting.Host += a.took - a.waited
	c.submits += a.submits
	for kernel, d := range a.times {
		c.times[kernel] += d
	}
	a.moves.Missed = a.missed
	for i := 0; i < len(a.moved); i += 2 {
		a.moves.add(a.s.store.replace(a.moved[i], a.moved[i+1]))
	}
	a.late()
	if a.err == nil {
		a.s.follow(a)
		if a.resume != nil {
			a.s.goBack(*a.resume)
		}
	}
	a.s.moves.add(a.moves)
	c.moves.add(a.moves)
	return a.moves, c.lost(a.err)
}

// late counts how long promotions took.
func (a *adaptation) late() {
	if a.moves.Promoted > 0 {
		a.moves.LateMax = int64(a.s.steps + a.ending - a.step)
		a.moves.LateSteps = a.moves.Promoted * a.moves.LateMax
	}
}

// abandon ends the adaptation on the way, if it is one of the sequence (nil: of
// any), without landing it.
func (c *Cache) abandon(s *Sequence) {
	a := c.adapter.flight
	if a == nil || s != nil && a.s != s {
		return
	}
	a.cancel()
	<-a.done
	a.drop()
	c.adapter.flight = nil
	c.submits += a.submits
}

// lost notes that an error is that of a lost device.
func (c *Cache) lost(err error) error {
	if err != nil && deviceLost(err) {
		err = fmt.Errorf("%w: the cache can only be closed", err)
		c.failed = err
	}
	return err
}
