package adapt

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Adapter adapts all sequences of a cache. It has buffers and lists of its own,
// so that calls go on while a batch is in flight; only the scratch is shared, by
// lists that follow each other.
type Adapter struct {
	work    *core.Work
	codec   codec.Codec
	chooser Chooser
	arena   *pages.Arena
	run     *core.Runner
	span    func(name string) func() // of the host's work

	Bits   device.Buffer // download: chosen bits; then ranges of what is promoted
	Plan   device.Buffer // upload: plans
	Supply device.Buffer // upload: what promoted groups lack

	choosing  core.Pace // of choose_bits; a unit is a page of each kind
	rewriting core.Pace // of repack and promote; a unit is a page

	flight    *batch      // nil: none
	queue     []*Sequence // whose rounds have batches left, the next one first
	ended     bool        // a round has ended since Recall
	scattered bool        // the last batch found no room because that is not gathered

	Batches Batches
	Moves   Moves
}

// parts is the part of a full cache that a batch has, one batch a step: a whole
// segment or a 32nd of all pages, so the bits of every group are chosen within that
// many steps and one more for each layer group, and take effect in the first step that
// finds its batch ready (Moves counts how late).
//
// Measured with BenchmarkAdapt, SmolLM2's shape at 4,096 tokens on llvmpipe with
// a batch at every token (a layer, of which 6,600 groups change): 2.5 % of the
// time of a token, half of it the host's. All 30 layers at every token would be
// about 70 %.
const parts = 32

// Bounds of the buffers' words, and the least that a batch may write anew.
const (
	least = 1 << 15
	most  = 1 << 20
)

// The ns that choose_bits is taken to last for a group, and what writes pages anew
// for an element, until they were timed: more than on two cores of a processor, the
// slowest there is.
const (
	firstChoosing  = 500
	firstRewriting = 25
)

// New makes an adapter, no submission of which is to run longer than maxSubmit;
// negative: however long it is. Where bits never change it has no buffers.
func New(w *core.Work, of codec.Codec, c Chooser, a *pages.Arena, run *core.Runner, maxSubmit time.Duration, span func(string) func()) (*Adapter, error) {
	d := &Adapter{work: w, codec: of, chooser: c, arena: a, run: run, span: span,
		choosing:  core.NewPace(maxSubmit, firstChoosing*float64(2*w.PageGroups)),
		rewriting: core.NewPace(maxSubmit, firstRewriting*float64(w.PageGroups*w.Layout.Group()))}
	if !c.Adapts() {
		return d, nil
	}
	align := w.Limits.ViewAlign
	groups := 2 * w.LayerGroups * w.TokenGroups * w.Capacity
	words := max(min(groups/parts, most), least)
	plan := core.Measuring(align)
	c.Measure(plan, core.Measuring(align), max(words/w.PageGroups/2, 1))
	err := w.Make(
		core.Wanted{At: &d.Bits, Label: "adapt.bits", Words: max(words, 2*core.RoundUp(w.PageGroups, align), of.RangeWords()), Memory: device.Download},
		core.Wanted{At: &d.Plan, Label: "adapt.plan", Words: max(plan.Used(), of.RewriteWords(1, 1, true)), Memory: device.Upload},
		core.Wanted{At: &d.Supply, Label: "adapt.supply", Words: core.RoundUp(max(words, w.PageGroups*w.Layout.RawGroupWords()), shaders.Align), Memory: device.Upload},
	)
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// planRoom is the room for the plans of a list of a batch.
func (d *Adapter) planRoom() *core.Room { return core.NewRoom(d.Plan, d.work.Limits.ViewAlign) }

// StagingBytes are the bytes of the buffers.
func (d *Adapter) StagingBytes() int64 { return core.Bytes(d.Bits, d.Plan, d.Supply) }

// Close frees lists and buffers. Nothing is in flight any more.
func (d *Adapter) Close() {
	d.run.Release()
	core.Release(d.Bits, d.Plan, d.Supply)
}

// All runs a whole round of a sequence and returns what it did, also when it
// fails: pairs are moved batch by batch, each batch wholly or not at all.
func (d *Adapter) All(ctx context.Context, s *Sequence) (done Moves, err error) {
	if !d.chooser.Adapts() {
		return done, nil
	}
	for s.beginRound(); s.Active(); {
		if err := ctx.Err(); err != nil {
			return done, cancelled(err)
		}
		started, err := d.start(s, runtime.GOMAXPROCS(0))
		if err != nil {
			return done, err
		}
		if !started {
			break
		}
		moves, err := d.land(0)
		done.Add(moves)
		if err != nil {
			return done, err
		}
	}
	return done, d.Recall()
}

// Recall brings pairs back into the reserve after the end of a round, which has made room
// in it; not while a batch is in flight.
func (d *Adapter) Recall() error {
	if d.flight != nil || !d.ended {
		return nil
	}
	d.ended = false
	return d.work.Lost(d.arena.Recall(d.work.Run))
}

// Later notes that a round of the sequence is due, and Pump starts the next batch
// of the sequence that has waited longest, unless one is in flight. A sequence
// learns of errors from TakeError.
func (d *Adapter) Later(s *Sequence) {
	s.due = true
	d.enqueue(s)
}

// Pump starts the next batch; see Later.
func (d *Adapter) Pump() {
	for d.flight == nil && len(d.queue) > 0 && d.work.Failed() == nil {
		s := d.queue[0]
		d.queue = append(d.queue[:0], d.queue[1:]...)
		if !s.Active() && s.due {
			s.beginRound()
		}
		_, err := d.start(s, runtime.GOMAXPROCS(0)/2) // the others are the model's
		s.Err = errors.Join(s.Err, err)
		if s.Active() || s.due {
			d.enqueue(s)
		}
		if err != nil {
			return // the next step tries the next batch
		}
	}
}

// InFlight tells whether a batch of the sequence is in flight (nil: of any).
func (d *Adapter) InFlight(s *Sequence) bool {
	return d.flight != nil && (s == nil || d.flight.s == s)
}

// Ready tells whether a batch is in flight whose pairs can be put in place without a
// wait.
func (d *Adapter) Ready() bool { return d.flight != nil && d.flight.ready() }

// LandReady puts the pairs of a batch in place if it is ready. One that rebuilds a
// segment of the sequence, into which the caller is about to store pages, is waited
// for.
func (d *Adapter) LandReady(s *Sequence, stores bool) {
	b := d.flight
	if b == nil {
		return
	}
	ready := b.ready()
	if !ready && !(b.s == s && stores && b.follows) {
		return
	}
	if ready {
		d.Batches.Overlapped++
	}
	d.LandInStep(s)
}

// LandInStep waits, in a step of a sequence that is not counted yet, for the batch
// in flight, and puts its pairs in place.
func (d *Adapter) LandInStep(s *Sequence) {
	if d.InFlight(s) {
		d.finish(1)
		return
	}
	d.finish(0)
}

// Finish waits for a batch in flight, if it is one of the sequence (nil: of any),
// and puts its pairs in place. Its sequence learns of the error from TakeError.
func (d *Adapter) Finish(s *Sequence) {
	if d.InFlight(s) {
		d.finish(0)
	}
}

func (d *Adapter) finish(uncounted int) {
	if b := d.flight; b != nil {
		_, err := d.land(uncounted)
		b.s.Err = errors.Join(b.s.Err, err)
	}
}

// land waits until the batch in flight is ready and puts its pairs in the place of
// the old ones, which no unfinished list uses.
func (d *Adapter) land(uncounted int) (Moves, error) {
	b := d.flight
	began := time.Now()
	<-b.done
	d.flight = nil
	b.cancel()
	d.Batches.Batches++
	d.Batches.Waited += time.Since(began)
	d.Batches.Time += b.took
	d.Batches.Host += b.took - b.waited
	for i := 0; i < len(b.moved); i += 2 {
		b.moves.Add(b.s.replace(b.moved[i], b.moved[i+1]))
	}
	if b.moves.Promoted > 0 {
		b.moves.LateMax = int64(b.s.extent.Steps + uncounted - b.step)
		b.moves.LateSteps = b.moves.Promoted * b.moves.LateMax
	}
	if b.err == nil {
		b.s.follow(b)
		if b.resume != nil {
			b.s.position, d.scattered = *b.resume, b.scattered
			d.enqueue(b.s)
		}
		d.ended = d.ended || !b.s.Active()
	}
	b.s.Moves.Add(b.moves)
	d.Moves.Add(b.moves)
	return b.moves, d.work.Lost(b.err)
}

// Abandon ends the batch that the sequence has in flight, gives up its new pairs,
// and forgets the sequence's round (nil: those of all).
func (d *Adapter) Abandon(s *Sequence) {
	if d.InFlight(s) {
		b := d.flight
		b.cancel()
		<-b.done
		b.drop()
		d.flight = nil
	}
	for i, q := range d.queue {
		if q == s {
			d.queue = append(d.queue[:i], d.queue[i+1:]...)
			return
		}
	}
}

// Lists are the last lists of batches by role: choose_bits, ranges, move, promote.
func (d *Adapter) Lists() map[string]*device.List {
	if d.flight != nil {
		<-d.flight.done
	}
	return d.run.Lists()
}

// Counts are those of the adapter's runner.
func (d *Adapter) Counts() core.Counts { return d.run.Counts() }
