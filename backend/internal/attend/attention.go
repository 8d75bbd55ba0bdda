package attend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/importance"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/window"
	"github.com/qaqvk/qaqvk/shaders"
)

// MaxQueries is the most queries of a call.
const MaxQueries = 512

// Attention has the buffers that the calls of a cache share, but for the scratch.
// There are none where the cache has no query heads.
type Attention struct {
	work       *core.Work
	QueryRows  device.Buffer // upload: query rows
	OutputRows device.Buffer // download: output rows
	frames     device.Buffer // upload
}

// New makes the buffers for the most queries of a call.
func New(w *core.Work) (*Attention, error) {
	a := &Attention{work: w}
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

// LeastScratch are the words of scratch that one query of one KV head needs.
func LeastScratch(g *core.Geometry, l device.Limits) int {
	if g.QueryHeads == 0 {
		return 0
	}
	stride := core.RoundUp(g.Capacity, shaders.SplitTokens) + shaders.SplitTokens
	return newLayout(g, l, g.QueriesPerHead(), 1, stride).words
}

// Limit is the most queries of a call.
func (a *Attention) Limit() int { return min(a.work.MaxStepTokens, MaxQueries) }

// Bytes are the bytes of the buffers.
func (a *Attention) Bytes() int64 { return core.Bytes(a.QueryRows, a.OutputRows, a.frames) }

// Release frees the buffers.
func (a *Attention) Release() { core.Release(a.QueryRows, a.OutputRows, a.frames) }

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
	Importance *importance.Importance
	Recorded   []importance.Recorded // queries that are recorded for importance
}

// call is a Call with its batches.
type call struct {
	*Attention
	Call
	waiting    []window.Appended // rows that the list first converts into the ring
	batches    []batch
	frameWords int
}

// List is the recorded list of a layer.
type List struct {
	Recordings int // how often it was recorded
	list       *device.List
	from       *call
}

// NewList makes the list of a layer.
func (a *Attention) NewList() *List { return &List{list: device.NewList(a.work.Device)} }

// Release frees the list; nil needs none.
func (l *List) Release() {
	if l != nil {
		l.list.Release()
	}
}

// Run runs a call in the list of its layer, recorded anew where it does not fit.
func (l *List) Run(a *Attention, c Call) error {
	r := a.newCall(c)
	if err := a.fitFrames(r.frameWords); err != nil {
		return fmt.Errorf("backend: attend: %w", err)
	}
	if !l.serves(r) {
		l.record(r)
	}
	r.writeFrames()
	if err := a.work.Run.Submit("attend", l.list); err != nil {
		return err
	}
	c.Window.Taken()
	return nil
}
