package record

import (
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// window is the most tokens of a window, without first tokens of the text that stand
// before it: of other rows, sums alone are kept.
const window = 1024

// firsts are the tokens of a text that stand before all its windows.
var firsts = profile.DefaultImportance().First

// Buffer takes the rows of a KV buffer. Several goroutines may use it.
type Buffer struct {
	r      *Recorder
	turns  map[string]Turning // by tensor of keys
	firsts map[int]*span      // of the texts, by stream
	open   *span              // nil: no window is open
	idle   int                // tokens of other streams since the open window got some
}

// Observe is for kvbuffer.Options.
func (b *Buffer) Observe(o kvbuffer.Observed) {
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	if !b.r.admits(o.Shape) {
		return
	}
	first := b.first(o)
	b.goOn(o)
	if b.open == nil && o.Layer == 0 { // not in the midst of a step
		b.open = begin(o, first)
	}
	if b.open != nil && b.open.whole() == b.open.most {
		b.end()
	}
}

// first keeps the first tokens of a text.
func (b *Buffer) first(o kvbuffer.Observed) *span {
	f := b.firsts[o.Stream]
	if f == nil {
		f = newSpan(o, 0, firsts)
		b.firsts[o.Stream] = f
	}
	if o.Kept < f.whole() {
		f.cut(o.Kept)
	}
	f.take(o)
	return f
}

// goOn gives the open window its rows, or ends it.
func (b *Buffer) goOn(o kvbuffer.Observed) {
	w := b.open
	switch {
	case w == nil:
	case w.stream != o.Stream:
		if o.Layer == 0 {
			b.idle += tokens(o)
		}
		if b.idle > window { // another text's turn
			b.end()
		}
	case w.lost(o.Kept) || w.full(o) || !w.take(o):
		b.end()
	default:
		b.idle = 0
	}
}

// begin begins a window with rows, nil where the first tokens of their text are not known.
func begin(o kvbuffer.Observed, first *span) (w *span) {
	switch {
	case o.First == 0:
		w = newSpan(o, 0, window)
	case min(o.First, o.Kept, first.whole()) >= firsts:
		w = newSpan(o, o.First-firsts, firsts+window)
		w.follow(first)
	default:
		return nil
	}
	w.take(o)
	return w
}

// end ends the open window.
func (b *Buffer) end() {
	w := b.open
	b.open, b.idle = nil, 0
	if n := w.whole(); n < calibrate.LeastWindow {
		b.r.short = max(b.r.short, n)
		return
	}
	b.r.add(w, b.turns)
}

// Close ends the open window.
func (b *Buffer) Close() {
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	if b.open != nil {
		b.end()
	}
	clear(b.firsts)
}
