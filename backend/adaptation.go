package backend

import (
	"context"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// adaptation is a batch of a round: some blocks whose groups get their bits
// decided and, where bits change, are written anew elsewhere. It begins with a
// list that decides, submitted by Step. A goroutine waits for that, compares with
// the mirror, finds room, prepares what promotions lack and has the pages
// written. Then the adaptation is ready, and the next Step lands it: the new
// blocks take the place of the old ones.
//
// Meanwhile the old ones are read as ever. What the goroutine sees of the
// sequence stays as it is until then: Step does not store pages into a segment
// that is rebuilt before it has landed, and what moves blocks lands it first.
type adaptation struct {
	c       *Cache
	s       *Sequence
	ending  int // 1: it lands in a Step of the sequence that is not counted yet
	step    int // steps of the sequence when the bits were decided
	kept    int // tokens whose rows the host has
	targets []target
	follows bool            // pages may be stored in a segment that is rebuilt
	ctx     context.Context // cancelled when nobody wants the result
	cancel  context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended

	// What the goroutine leaves.
	moved  []moved // of each block that moves, its page of K and that of V
	resume *pageID // the first chunk that found no room: the round goes on there
	moves  Moves
	misses
	err     error
	submits int64
	times   map[string]time.Duration
	waited  time.Duration // of the goroutine, for the device
	took    time.Duration // from begin to end
	ran     func()        // ends the span of the submitted list
}

// target are blocks in a row that lie in one segment, as they were when the bits
// of some of them were decided. A segment beside the reserve is rebuilt: all its
// blocks move when any changes.
type target struct {
	unit     int
	first    int // chunk of the first block
	blocks   []*block
	mirror   [2][]uint8 // of their pages
	from, to int        // chunks whose bits are decided
	at       [2]int     // where in bits those of the kinds begin, -1: not decided
	rebuild  bool
	follow   bool // they are the unit's last, in a segment that is rebuilt
}

// newTarget takes the blocks of the chunks from..to, and where their segment
// is rebuilt all others of it.
func (s *Sequence) newTarget(unit, from, to int) target {
	t := target{unit: unit, first: from, from: from, to: to}
	end, n := to, s.c.geo.pageGroups
	if list := s.store.units[unit]; !list[from].seg.reserved {
		t.first, end = s.store.runStart(unit, from), s.store.runEnd(unit, from)
		t.rebuild, t.follow = true, end == len(list)
	}
	t.blocks = s.store.units[unit][t.first:end:end]
	for k := range t.mirror {
		t.mirror[k] = s.store.bits[k][unit][t.first*n : end*n : end*n]
	}
	return t
}

// start takes the next batch of a sequence's round on its way; without one,
// the round is over. Errors of the device are as those of a batch.
func (c *Cache) start(s *Sequence) (started bool, err error) {
	if s.round.active && c.arena.scattered() {
		if err := s.compact(); err != nil {
			return true, err
		}
	}
	targets := s.nextTargets()
	if len(targets) == 0 {
		return false, nil
	}
	a := &adaptation{c: c, s: s, step: s.steps, kept: s.host.kept, targets: targets, misses: misses{watched: s.unmet},
		done: make(chan struct{}), times: map[string]time.Duration{}}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	for _, t := range targets {
		a.follows = a.follows || t.follow
	}
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
func (a *adaptation) recordDecisions(l *device.List) {
	g, plan, end := &a.c.geo, a.newPlanner(), 0
	for k, rule := range a.c.rules {
		if rule.Fixed {
			for i := range a.targets {
				a.targets[i].at[k] = -1
			}
			continue
		}
		j := a.s.newJudge(shaders.Kind(k), a.s.tokens, a.s.stored)
		for i := range a.targets {
			t := &a.targets[i]
			t.at[k] = end
			words := (t.to - t.from) * g.pageGroups
			a.s.recordDecide(l, plan, j, t, device.View{Buffer: a.c.adapter.bits, Offset: end, Words: words})
			end = roundUp(end+words, plan.align)
		}
	}
	a.moves.BytesUp += 4 * int64(plan.at)
	a.moves.BytesDown += 4 * int64(end)
	l.Mark("choose_bits")
}

// work is what the goroutine does: it leaves the blocks that change in new
// places, or nothing.
func (a *adaptation) work(decided device.Ticket) error {
	if err := a.wait("decide", decided); err != nil {
		return err
	}
	if err := a.compareAll(); err != nil || len(a.moved) == 0 {
		return err
	}
	if err := a.move(); err != nil {
		return err
	}
	return a.promote()
}

// drop gives up the new places.
func (a *adaptation) drop() {
	for i := 0; i < len(a.moved); i += 2 {
		a.c.arena.free(a.moved[i].to)
	}
	a.moved = nil
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
