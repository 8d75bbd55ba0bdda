package backend

import (
	"context"
	"sync/atomic"
	"time"
)

// adaptation is a batch of a round: some segments whose groups get their bits
// decided and, where bits change, a buffer with their pages written anew. It
// begins with a list that decides, submitted by Step. A goroutine waits for
// that, compares with the mirror, prepares what promotions lack and has the
// new buffers written. Then the adaptation is ready, and the next Step lands
// it: the new buffers take the place of the old ones.
//
// Meanwhile the old ones are read as ever. What the goroutine sees of the
// sequence stays as it is until then: Step does not store pages into a segment
// that is on the way before it has landed, and Fork and Rollback land it first.
type adaptation struct {
	c       *Cache
	s       *Sequence
	ending  int    // 1: it lands in a Step of the sequence that is not counted yet
	step    int    // steps of the sequence when the bits were decided
	kept    int    // tokens whose rows the host has
	watched *unmet // the oldest decision that could not be followed so far
	targets []target
	ctx     context.Context // cancelled when nobody wants the result
	cancel  context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended

	held atomic.Int64 // words of new buffers

	// What the goroutine leaves.
	rebuilds []rebuild
	moves    Moves
	unmet    *unmet
	err      error
	submits  int64
	times    map[string]time.Duration
	waited   time.Duration // of the goroutine, for the device
	took     time.Duration // from begin to end
	ran      func()        // ends the span of the submitted list
}

// target is a segment on the way, as it was when its bits were decided.
type target struct {
	unit     int
	seg      *segment
	source   Buffer
	spans    [2][]span  // of all its pages
	mirror   [2][]uint8 // of all its pages
	from, to int        // chunks whose bits are decided
	at       [2]int     // where in bits those of the kinds begin, -1: not decided
	follow   bool       // pages will follow: it is the unit's last
}

// newTarget takes a segment as it is.
func (s *Sequence) newTarget(unit int, seg *segment, from, to int) target {
	t := target{unit: unit, seg: seg, source: seg.buffer.Buffer, from: from, to: to, follow: seg == s.store.lastOf(unit)}
	n := s.c.geo.pageGroups
	for k := range t.spans {
		t.spans[k] = seg.pages[k][:len(seg.pages[k]):len(seg.pages[k])]
		t.mirror[k] = s.store.bits[k][unit][seg.first*n : seg.end()*n : seg.end()*n]
	}
	return t
}

// start takes the next batch of a sequence's round on its way; without one,
// the round is over. Errors of the device are as those of a batch.
func (c *Cache) start(s *Sequence) (started bool, err error) {
	targets := s.nextTargets()
	if len(targets) == 0 {
		return false, nil
	}
	a := &adaptation{c: c, s: s, step: s.steps, kept: s.host.kept, watched: s.unmet, targets: targets,
		done: make(chan struct{}), times: map[string]time.Duration{}}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	began := time.Now()
	for role, l := range c.adapter.lists {
		c.lists[role] = l
	}
	t, err := a.submit("decide", a.recordDecisions)
	if err != nil {
		a.cancel()
		c.submits += a.submits
		return true, c.lost(err)
	}
	c.adapter.flight = a
	go func() {
		defer close(a.done)
		if a.err = a.work(t); a.err != nil {
			a.drop()
		}
		a.took = time.Since(began)
	}()
	return true, nil
}

// recordDecisions records the decisions of all targets.
func (a *adaptation) recordDecisions(l *List) {
	g, plan, end := &a.c.geo, a.newPlanner(), 0
	for k, rule := range a.c.rules {
		if rule.Fixed {
			for i := range a.targets {
				a.targets[i].at[k] = -1
			}
			continue
		}
		j := a.s.newJudge(Kind(k), a.s.tokens, a.s.stored)
		for i := range a.targets {
			t := &a.targets[i]
			t.at[k] = end
			var pages []pageID
			for chunk := t.from; chunk < t.to; chunk++ {
				pages = append(pages, pageID{Kind(k), t.unit, chunk})
			}
			words := len(pages) * g.pageGroups
			a.s.recordDecide(l, plan, j, t.seg, pages, View{a.c.adapter.bits, end, words})
			end = roundUp(end+words, plan.align)
		}
	}
	a.moves.BytesUp += 4 * int64(plan.at)
	a.moves.BytesDown += 4 * int64(end)
	l.Mark("decide")
}

// work is what the goroutine does: it leaves the segments that change in
// buffers of their own, or nothing.
func (a *adaptation) work(decided Ticket) error {
	if err := a.wait("decide", decided); err != nil {
		return err
	}
	a.compareAll()
	if len(a.rebuilds) == 0 {
		return nil
	}
	return a.rebuild()
}

// drop gives up the new buffers.
func (a *adaptation) drop() {
	for _, r := range a.rebuilds {
		if r.buffer != nil {
			r.buffer.Release()
		}
	}
	a.rebuilds = nil
	a.held.Store(0)
}

// ready tells whether landing needs no wait.
func (a *adaptation) ready() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}
