package attend

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/window"
)

// MaxQueries is the most queries of a call.
const MaxQueries = 512

// Attention has the buffers that the calls of a cache share, but for the scratch.
// There are none where the cache has no query heads.
type Attention struct {
	work       *core.Work
	codec      *codec.Calibrated // nil: pages are of the paper's codec
	QueryRows  device.Buffer     // upload: query rows
	OutputRows device.Buffer     // download: output rows
	frames     device.Buffer     // upload
	spare      []device.Buffer   // of frames of recorded calls (Record), which nothing uses
	pace       core.Pace
	spaces     *workspaces

	TimeKernels bool // lists have a mark behind each step, else one at most
}

// New makes the buffers for the most queries of a call. Pages are of the calibrated
// codec, where it is given, and calls borrow room of the arena's reserve. No submission
// is to run longer than maxSubmit; negative: however long it is.
func New(w *core.Work, of *codec.Calibrated, arena *pages.Arena, maxSubmit time.Duration) (*Attention, error) {
	a := &Attention{work: w, codec: of, pace: core.NewPace(maxSubmit, firstPace*float64(w.HeadDim)),
		spaces: &workspaces{work: w, arena: arena, most: useful(w.Geometry, w.Limits, usefulLoan)}}
	if w.QueryHeads == 0 {
		return a, nil
	}
	words := a.Limit() * w.QueryHeads * w.HeadDim
	err := w.Make(core.Wanted{At: &a.QueryRows, Label: "queries", Words: words, Memory: device.Upload},
		core.Wanted{At: &a.OutputRows, Label: "attended", Words: words, Memory: device.Download})
	if err == nil {
		if err = a.fitFrames(a.usualFrames()); err != nil {
			err = fmt.Errorf("backend: new cache: %w", err)
		}
	}
	if err != nil {
		a.Release()
		return nil, err
	}
	return a, nil
}

// Limit is the most queries of a call.
func (a *Attention) Limit() int { return min(a.work.MaxStepTokens, MaxQueries) }

// Bytes are the bytes of the buffers.
func (a *Attention) Bytes() int64 {
	return core.Bytes(a.QueryRows, a.OutputRows, a.frames) + core.Bytes(a.spare...)
}

// Release frees the buffers.
func (a *Attention) Release() {
	core.Release(a.QueryRows, a.OutputRows, a.frames)
	core.Release(a.spare...)
}

// Rows are rows of a type, in a buffer of the caller or, where View has none, in
// the buffers of Attention.
type Rows struct {
	Type uint32
	View device.View
}

// Options are what models differ in.
type Options struct {
	Scale   float32
	Window  int     // tokens that a query sees; 0: all up to its own
	SoftCap float32 // 0: none
}

// Call is one call of attention: what its list is recorded from.
type Call struct {
	Layer, Queries int
	Tokens, Stored int // of the layer; of these in pages
	Q, Out         Rows
	Options
	Table      *pages.Table
	Window     *window.Window
	Importance Importance // nil: the queries do not count
}

// Importance takes in the probabilities of the queries of a call.
type Importance interface {
	// Takes are those of the queries first..end-1 of a batch that are taken in, as a
	// dispatch each has them.
	Takes(first, end int) []core.Take
	// AppendFrame appends the frame of such a dispatch. It is called for those of all
	// batches, in the order in which they run.
	AppendFrame(words []uint32, t core.Take, b core.Batch) []uint32
	// Record records the dispatch.
	Record(l *device.List, t core.Take, s core.Scores, frame, scores device.View)
	// Lost says that the call failed when some queries may have been taken in.
	Lost()
}

// call is a Call with its batches.
type call struct {
	*Attention
	Call
	space      device.View       // where it works
	borrowed   bool              // space is
	waiting    []window.Appended // rows that the list first converts into the ring
	batches    []batch
	frameWords int
	byKernel   bool // as TimeKernels was
}

// Lists are the recorded lists of a layer, one a submission.
type Lists struct {
	Recordings int // how often they were recorded
	lists      []*device.List
	from       *call
	frames     device.Buffer // that they read
}

// Release frees the lists; nil needs none.
func (l *Lists) Release() {
	if l != nil {
		l.release(0)
	}
}

// release frees all lists but the first n.
func (l *Lists) release(n int) {
	for _, list := range l.lists[n:] {
		list.Release()
	}
	l.lists = l.lists[:n]
}

// Run runs a call in the lists of its layer, recorded anew where they do not fit. It
// ends early where the context is cancelled between two submissions. Where it fails,
// rows of importance that it may have changed count as lost.
func (l *Lists) Run(ctx context.Context, a *Attention, c Call) error {
	r := a.newCall(c, false)
	defer r.end()
	if err := a.fitFrames(r.frameWords); err != nil {
		return fmt.Errorf("backend: attend: %w", err)
	}
	if !l.serves(r) {
		l.record(r)
	}
	r.writeFrames()
	changed := false
	for i, first := 0, 0; first < len(r.batches); i++ {
		end := r.endOf(first)
		submitted, err := r.submit(ctx, l.lists[i], r.batches[first:end])
		changed = changed || submitted && r.records(first, end)
		if err != nil {
			if changed {
				c.Importance.Lost()
			}
			return err
		}
		if i == 0 {
			c.Window.Taken()
		}
		first = end
	}
	return nil
}

// submit runs the list of batches and waits for its end.
func (r *call) submit(ctx context.Context, l *device.List, batches []batch) (submitted bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("backend: attend: %w", err)
	}
	running, err := r.work.Run.Submit("attend", l)
	if err != nil {
		return false, err
	}
	if err := running.Wait(); err != nil {
		return true, err
	}
	if r.byKernel || batches[len(batches)-1].timed { // others were not timed on the device
		r.pace.Add(r.unitsOfAll(batches), running.Took)
	}
	return true, nil
}

// endOf is the end of the submission that begins with a batch.
func (r *call) endOf(first int) int {
	for !r.batches[first].last {
		first++
	}
	return first + 1
}

// records tells whether queries of some batches are recorded for importance.
func (r *call) records(first, end int) bool {
	return slices.ContainsFunc(r.batches[first:end], func(b batch) bool { return len(b.taken) > 0 })
}
