package record

import (
	"errors"
	"fmt"
	"sync"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
	"github.com/qaqvk/qaqvk/internal/model"
)

// ErrNothing says that no rows came.
var ErrNothing = errors.New("no attention of a text was computed from the cache")

// heads is what buffers of a model have in common.
type heads struct{ layers, kv, query, dim int }

func headsOf(s kvbuffer.Shape) heads { return heads{s.Layers, s.KVHeads, s.QueryHeads, s.HeadDim} }

// Recorder takes the windows of the KV buffers of a model.
type Recorder struct {
	mu        sync.Mutex
	log       func(line string)
	said      map[string]bool
	heads     heads // of the first buffer
	cells     int   // of a stream of it
	rope      profile.RoPE
	collector *calibrate.Collector // nil: no window has ended
	sharer    model.Sharer
	short     int   // tokens of the longest window that was too short
	err       error // what stopped it
}

// New returns a Recorder that tells log what a user should know, a line at a time.
func New(log func(line string)) *Recorder {
	return &Recorder{log: log, said: map[string]bool{}}
}

// Buffer is for one more KV buffer.
func (r *Recorder) Buffer() *Buffer {
	return &Buffer{r: r, turns: map[string]Turning{}, firsts: map[int]*span{}}
}

func (r *Recorder) say(format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	if !r.said[line] {
		r.said[line] = true
		r.log(line)
	}
}

// admits tells whether rows are of the model of the first ones.
func (r *Recorder) admits(s kvbuffer.Shape) bool {
	if r.heads == (heads{}) {
		r.heads, r.cells = headsOf(s), s.Cells
	}
	if r.heads != headsOf(s) {
		r.say("another model is not recorded: %d layers of %d KV heads of %d elements", s.Layers, s.KVHeads, s.HeadDim)
		return false
	}
	return true
}

// add adds a window that ended to the sums.
func (r *Recorder) add(w *span, turns map[string]Turning) {
	rope, reason := ropeOf(turns, r.heads.layers)
	if reason != "" {
		r.say("how positions turn keys is not known, so their mean is a plain one: %s", reason)
	}
	if r.collector == nil && r.err == nil {
		r.rope = rope
		r.collector, r.err = calibrate.NewCollector(calibrate.Setup{Layers: r.heads.layers, KVHeads: r.heads.kv, QueryHeads: r.heads.query,
			HeadDim: r.heads.dim, RoPE: rope, Window: firsts + window, Context: r.cells, ForwardOnly: true})
	}
	switch {
	case r.err != nil:
	case !rope.Equal(r.rope):
		r.say("another model is not recorded: positions turn its keys in another way")
	default:
		r.err = r.sum(w)
	}
}

func (r *Recorder) sum(w *span) error {
	h, n := r.heads, w.whole()
	if err := r.collector.Begin(n); err != nil {
		return err
	}
	c := model.Config{QueryHeads: h.query, KVHeads: h.kv, HeadDim: h.dim}
	a := model.Attention{Scale: w.scale, SoftCap: w.softCap}
	for layer := range w.layers {
		l := &w.layers[layer]
		l.cut(n)
		g := model.LayerGradients{Layer: layer, Q: l.q, K: floats(l.k), V: floats(l.v)}
		*l = rows{}
		turnBack(r.rope, g.Q, h.dim, h.query*h.dim, firsts, w.begin)
		turnBack(r.rope, g.K, h.dim, h.kv*h.dim, firsts, w.begin)
		r.sharer.Shares(c, a, g.Q, g.K, func(shares []float32) { r.collector.Attended(layer, shares) })
		r.collector.Add(g)
	}
	return nil
}

// Windows returns how many windows have ended.
func (r *Recorder) Windows() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.collector == nil {
		return 0
	}
	n, _ := r.collector.Windows()
	return n
}

// Result makes the profile of the windows that have ended, for a model of that fingerprint.
func (r *Recorder) Result(bits float64, fingerprint string) (*calibrate.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		return nil, r.err
	case r.heads == (heads{}):
		return nil, ErrNothing
	case r.collector == nil:
		return nil, fmt.Errorf("the longest window has %d tokens, at least %d: %w", r.short, calibrate.LeastWindow, calibrate.ErrText)
	}
	windows, tokens := r.collector.Windows()
	return r.collector.Result(calibrate.Options{Bits: bits, ForwardOnly: true, Source: fmt.Sprintf("recorded in llama.cpp, %d tokens in %d windows", tokens, windows)}, fingerprint)
}
