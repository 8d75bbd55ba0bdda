package window

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Appended are rows that are not in the ring yet: they wait in the upload buffer or
// in a buffer of the caller until the next list converts them.
type Appended struct {
	Layer         int
	token, tokens int
	typ           uint32
	src           device.View
	kinds         int          // 2: K and V of a token follow each other in src
	kind          shaders.Kind // the first or only kind in src
}

// Staged tells whether the rows wait in the upload buffer, behind their head.
func (a Appended) Staged() bool { return a.kinds == 2 }

// SameList tells whether one list serves two appends.
func (a Appended) SameList(b Appended) bool {
	if a.Staged() && b.Staged() {
		a.token = b.token
	}
	return a == b
}

// Source copies elements of rows of the host, from the given one on, as words.
type Source func(from int, words []uint32)

// Stage copies rows of n tokens of a layer from the host to the upload buffer, K
// and V of a token one after the other.
func (w *Window) Stage(layer, token, n int, typ uint32, k, v Source) error {
	elements := w.work.KVHeads * w.work.HeadDim
	words := elements * shaders.ElementBytes(typ) / 4
	need := Words(2 * n * words)
	if w.used+need > w.work.Rows.Len() {
		if err := w.Free(); err != nil {
			return err
		}
	}
	dst := w.work.Rows.Words()[w.used:]
	dst[0] = uint32(2 * token)
	dst = dst[head:]
	for i := range n {
		k(i*elements, dst[2*i*words:][:words])
		v(i*elements, dst[(2*i+1)*words:][:words])
	}
	src := device.View{Buffer: w.work.Rows, Offset: w.used, Words: need}
	w.waits = append(w.waits, Appended{layer, token, n, typ, src, 2, shaders.Key})
	w.used += need
	return nil
}

// StageViews has rows of n tokens of a layer wait where the caller has them.
func (w *Window) StageViews(layer, token, n int, typ uint32, k, v device.View) {
	w.waits = append(w.waits, Appended{layer, token, n, typ, k, 1, shaders.Key}, Appended{layer, token, n, typ, v, 1, shaders.Value})
}

// Waiting are the rows that wait. They are the caller's to read until Taken.
func (w *Window) Waiting() []Appended { return w.waits }

func (w *Window) staged() bool { return slices.ContainsFunc(w.waits, Appended.Staged) }

// Flush converts the waiting rows into the ring.
func (w *Window) Flush() error {
	if len(w.waits) == 0 {
		return nil
	}
	if err := w.work.Run.Run("append", w.Record); err != nil {
		return err
	}
	w.Taken()
	return nil
}

// Taken forgets the waiting rows, which a list converted, and counts what it clamped.
func (w *Window) Taken() {
	w.Count()
	w.waits = w.waits[:0]
	w.settle()
}

// Claim hands over the waiting rows, which a list converts that runs later: after it
// Count says so, or Return gives them back.
func (w *Window) Claim() []Appended {
	claimed := w.waits
	w.waits = nil
	return claimed
}

// Count counts what a list clamped that converted claimed rows.
func (w *Window) Count() { w.Clamped += w.newlyClamped() }

// Return has claimed rows wait again, before those that came since.
func (w *Window) Return(claimed []Appended) { w.waits = append(claimed, w.waits...) }

// Record records the conversion of the waiting rows, visible to what the list
// does next.
func (w *Window) Record(l *device.List) {
	if len(w.waits) == 0 {
		return
	}
	for i, a := range w.waits {
		if i > 0 {
			l.Barrier(device.Shader, device.Shader) // layers lie between each other in the ring
		}
		w.record(l, a)
	}
	l.Mark("convert")
	l.Barrier(device.Shader, device.AllCommands)
}

// record converts the tokens of a into the ring.
func (w *Window) record(l *device.List, a Appended) {
	g := w.work
	v := Conversion{
		In: a.typ, Out: g.Layout.Type, Rows: a.kinds * a.tokens * g.KVHeads,
		Src: a.src, SrcStride: g.KVHeads * g.HeadDim * shaders.ElementBytes(a.typ) / 4,
		Dst: device.Whole(w.Ring.Buffer), DstAt: int(a.kind)*g.KindWords + a.Layer*g.LayerWords, DstStride: g.TokenWords / a.kinds,
		dstRing: a.kinds * w.Ring.Tokens, first: a.token, clamp: true,
	}
	if a.Staged() {
		v.SrcAt, v.firstAt = head, 1
	}
	Convert(g, l, v)
}
