package adapt

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// batch is some pairs whose groups get their bits chosen and, where bits change,
// are written anew elsewhere. What its goroutine sees of the sequence stays as it
// is until the new pairs are in place (Adapter.land): no pages are stored into a
// segment that is rebuilt, and what moves pairs waits for the batch first.
type batch struct {
	d       *Adapter
	s       *Sequence
	step    int // steps of the sequence when the bits were chosen
	kept    int // tokens whose rows the host has
	workers int // processors for what promoted groups lack
	targets []target
	follows bool            // pages may be stored in a segment that is rebuilt
	ctx     context.Context // cancelled when nobody wants the result
	cancel  context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended

	// What the goroutine leaves.
	moved     []moved   // of each pair that moves, its page of K and that of V
	resume    *position // the first page that found no room: the round goes on there
	scattered bool      // it would have found some if that were gathered
	moves     Moves
	shortfall *Shortfall
	unmet     []unmet // of the pages whose bits were chosen
	err       error
	waited    time.Duration // of the goroutine, for the device
	took      time.Duration
}

// target are pairs in a row that lie in one segment, as they were when the bits
// of some of them were chosen. A segment outside the reserve is rebuilt: all its
// pairs move when any changes.
type target struct {
	layerGroup int
	first      int // page of the first pair
	pairs      []*pages.Pair
	mirror     [2][]uint8 // of their pages
	from, to   int        // pages whose bits are chosen
	at         [2]int     // where in bits those of the kinds begin, -1: not chosen
	rebuild    bool
	follow     bool // they are the layer group's last, in a segment that is rebuilt
}

// newTarget takes the pairs of the pages from..to, and where their segment is
// rebuilt all others of it.
func (s *Sequence) newTarget(layerGroup, from, to int) target {
	t := target{layerGroup: layerGroup, first: from, from: from, to: to}
	list, end := s.table.Pairs(layerGroup), to
	if !list[from].Segment.Reserved {
		t.first, end = s.table.RunStart(layerGroup, from), s.table.RunEnd(layerGroup, from)
		t.rebuild, t.follow = true, end == len(list)
	}
	t.pairs = list[t.first:end:end]
	for k := range t.mirror {
		t.mirror[k] = s.table.Bits(shaders.Kind(k), layerGroup, t.first, end)
	}
	return t
}

// chosen are the pages whose bits are chosen.
func (t *target) chosen() Chosen {
	return Chosen{t.layerGroup, t.from, t.pairs[t.from-t.first : t.to-t.first]}
}

// fewOf is the part of a target that goes outside the reserve where nothing finds room in
// it: what it leaves is room for as much, batch by batch.
const fewOf = 4

// part is the pages from..to of a target in the reserve.
func (t *target) part(from, to, groups int) target {
	p := *t
	for k := range p.mirror {
		p.mirror[k] = t.mirror[k][(from-t.first)*groups : (to-t.first)*groups]
		if p.at[k] >= 0 {
			p.at[k] += (from - t.from) * groups
		}
	}
	p.pairs, p.first, p.from, p.to = t.pairs[from-t.first:to-t.first], from, from, to
	return p
}

// start starts the next batch of a sequence's round, which may use so many processors;
// without one, the round is over. Errors of the device are as those of a batch.
func (d *Adapter) start(s *Sequence, workers int) (started bool, err error) {
	if err := d.compact(s); err != nil {
		return true, err
	}
	targets := d.targets(s)
	if len(targets) == 0 {
		return false, nil
	}
	b := &batch{d: d, s: s, step: s.extent.Steps, kept: s.host.Kept(), workers: workers, targets: targets, done: make(chan struct{}),
		follows: slices.ContainsFunc(targets, func(t target) bool { return t.follow })}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	began := time.Now()
	choosing, err := b.choose()
	if err != nil {
		b.cancel()
		return true, d.work.Lost(err)
	}
	d.flight = b
	go func() {
		defer close(b.done)
		if b.err = b.work(choosing); b.err != nil {
			b.drop()
		}
		b.took = time.Since(began)
	}()
	return true, nil
}

// compact gathers the free room of the reserve before a batch of a sequence, if it is worth it
// or a batch found none.
func (d *Adapter) compact(s *Sequence) error {
	part := pages.GatherPart
	if d.scattered {
		part, d.scattered = pages.LastPart, false
	}
	if !s.Active() {
		return nil
	}
	return d.arena.Compact(d.work.Run, d.work.Out, part)
}

// choose submits the list that chooses the bits of all targets.
func (b *batch) choose() (*core.Running, error) {
	choosing := b.s.choose(b.s.extent.Tokens, b.s.extent.Stored)
	for i := range b.targets {
		if err := choosing.Ready(b.targets[i].chosen()); err != nil {
			return nil, err
		}
	}
	return b.d.run.Start("choose_bits", func(l *device.List) {
		plan, bits := b.d.planRoom(), b.d.bitsRoom()
		for i := range b.targets {
			b.targets[i].at = choosing.Record(l, plan, bits, b.targets[i].chosen())
		}
		l.Check(plan.Err())
		l.Check(bits.Err())
		b.moves.BytesUp += 4 * int64(plan.Used())
		b.moves.BytesDown += 4 * int64(bits.Used())
		l.Mark("choose_bits")
	})
}

// work is what the goroutine does: it leaves the pairs that change in new places,
// or nothing.
func (b *batch) work(choosing *core.Running) error {
	if err := b.wait(choosing); err != nil {
		return err
	}
	chosen := 0
	for _, t := range b.targets {
		chosen += t.to - t.from
	}
	b.d.choosing.Add(chosen, choosing.Took)
	if err := b.compareAll(); err != nil || len(b.moved) == 0 {
		return err
	}
	if err := b.move(); err != nil {
		return err
	}
	return b.promote()
}

// wait waits for a list of the batch.
func (b *batch) wait(l *core.Running) error {
	began := time.Now()
	err := l.Wait()
	b.waited += time.Since(began)
	return err
}

// run runs a list of the batch, unless nobody wants the result any more.
func (b *batch) run(role string, record func(*device.List)) error {
	if err := b.ctx.Err(); err != nil {
		return cancelled(err)
	}
	running, err := b.d.run.Start(role, record)
	if err != nil {
		return err
	}
	return b.wait(running)
}

func cancelled(err error) error { return fmt.Errorf("backend: adapt: %w", err) }

// drop gives up the new places.
func (b *batch) drop() {
	for i := 0; i < len(b.moved); i += 2 {
		b.d.arena.Free(b.moved[i].to)
	}
	b.moved = nil
}

// ready tells whether the goroutine has ended.
func (b *batch) ready() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}
