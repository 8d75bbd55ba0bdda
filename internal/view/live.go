package view

import (
	"sync"
	"time"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// Live is a Source that is a run, which it watches.
type Live struct {
	wake func() // a window that waits

	mu     sync.Mutex
	change *sync.Cond
	header *recording.Header
	steps  []*recording.Step // that the view has not got
	ended  *recording.End
	over   string // why the run ended, "": it goes on
	paused bool
	skip   int               // tokens to go on while paused
	target *recording.Target // wanted
	closed bool              // nobody looks any more
}

// NewLive makes one. wake is called from the run when there is something new.
func NewLive(wake func()) *Live {
	l := &Live{wake: wake}
	l.change = sync.NewCond(&l.mu)
	return l
}

// Begin implements recording.Watcher.
func (l *Live) Begin(h recording.Header) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.header = &h
	l.wake()
	return nil
}

// Step implements recording.Watcher: while paused it holds the run.
func (l *Live) Step(s *recording.Step) (r recording.Reply, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.steps = append(l.steps, s)
	}
	l.wake()
	if len(s.Tokens) > 0 && l.skip > 0 {
		l.skip--
	}
	if l.paused && l.skip == 0 && l.target == nil && !l.closed {
		began := time.Now()
		for l.paused && l.skip == 0 && l.target == nil && !l.closed {
			l.change.Wait()
		}
		r.Paused = time.Since(began)
	}
	r.Target, l.target = l.target, nil
	return r, nil
}

// End implements recording.Watcher.
func (l *Live) End(e *recording.End) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = e
	l.wake()
	return nil
}

// Over says that the run has ended, and how.
func (l *Live) Over(how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = how
	l.wake()
}

// Close says that nobody looks any more: the run is held no longer.
func (l *Live) Close() { l.set(func() { l.closed, l.steps = true, nil }) }

// set changes something that a paused run waits for.
func (l *Live) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	l.change.Broadcast()
}

// Poll implements Source.
func (l *Live) Poll() Update {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := Update{Header: l.header, Steps: l.steps, End: l.ended}
	l.steps = nil
	return u
}

// Pause implements Source.
func (l *Live) Pause(paused bool) { l.set(func() { l.paused, l.skip = paused, 0 }) }

// Skip implements Source: a run goes on only.
func (l *Live) Skip(tokens int) {
	if tokens > 0 {
		l.set(func() { l.paused, l.skip = true, l.skip+tokens })
	}
}

// Retarget implements Source.
func (l *Live) Retarget(t recording.Target) { l.set(func() { l.target = &t }) }

// Rewind implements Source: a run has none.
func (l *Live) Rewind(bool) {}

// Faster implements Source: a run is as fast as it is.
func (l *Live) Faster(float64) {}

// Status implements Source.
func (l *Live) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Doing: "generating", Paused: l.paused && l.skip == 0, Fixed: l.over != "" || l.ended != nil}
	switch {
	case l.over != "":
		s.Doing, s.Paused = l.over, false
	case l.header == nil:
		s.Doing = "loading"
	case s.Paused:
		s.Doing = "paused"
	}
	return s
}
