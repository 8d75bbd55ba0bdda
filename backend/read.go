package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/window"
	"github.com/qaqvk/qaqvk/shaders"
)

// Read returns all rows of a layer, those of the current step included, in the
// type of k and v, which must be alike and hold at least [tokens][KV heads][D]
// elements of host memory; zeros for tokens that were evicted or freed. It returns
// the number of tokens. The error wraps ErrShape for other k and v, and ErrRange for
// a layer that there is not; where the device failed, k and v may hold some of the
// rows.
func (s *Sequence) Read(layer int, k, v Rows) (tokens int, err error) {
	if err := s.idle(layer); err != nil {
		return 0, err
	}
	tokens = s.layerTokens(layer)
	return tokens, s.ReadRange(layer, 0, tokens, k, v)
}

// ReadRange is Read of the tokens from..to-1 alone. The error wraps ErrRange where
// the layer has not all of them.
func (s *Sequence) ReadRange(layer, from, to int, k, v Rows) error {
	if err := s.idle(layer); err != nil {
		return err
	}
	defer s.c.span("read")()
	if have := s.layerTokens(layer); from < 0 || from > to || to > have {
		return typed{fmt.Errorf("backend: read: tokens %d..%d: layer %d has %d", from, to-1, layer, have), ErrRange}
	}
	if err := s.c.checkTarget(k, v, to-from); err != nil {
		return fmt.Errorf("backend: read: %w", typed{err, ErrShape})
	}
	freed := s.table.Freed(s.c.work.LayerGroup(layer)) * s.c.cfg.PageTokens
	zero(max(0, min(freed, to)-from)*s.c.cfg.KVHeads*s.c.cfg.HeadDim, k, v)
	for at := max(freed, from/s.c.cfg.PageTokens*s.c.cfg.PageTokens); at < to; {
		r := s.newReading(layer, k.typ, at, from, to)
		if err := r.run(); err != nil {
			return err
		}
		r.copyOut(k, v)
		at = r.to
	}
	return nil
}

// zero writes zeros to the first elements of rows.
func zero(elements int, rows ...Rows) {
	for _, r := range rows {
		r.unpack(0, make([]uint32, elements*r.typ.Bytes()/4))
	}
}

// Evicted tells which tokens of a layer a policy has evicted or a window has left
// behind, [tokens][KV heads]:
// they take no part in attention, and Read returns zeros for them.
func (s *Sequence) Evicted(layer int) ([]bool, error) {
	if err := s.usable(layer); err != nil {
		return nil, err
	}
	w := s.c.work
	out := make([]bool, s.layerTokens(layer)*w.KVHeads)
	for g, bits := range s.table.Bits(shaders.Key, w.LayerGroup(layer), 0, s.storedPages()) {
		head, heads := w.HeadsOf(g % w.TokenGroups)
		for token := g / w.TokenGroups; head < heads && bits == shaders.Evicted; head++ {
			out[token*w.KVHeads+head] = true
		}
	}
	return out, nil
}

func (c *Cache) checkTarget(k, v Rows, tokens int) error {
	need := tokens * c.cfg.KVHeads * c.cfg.HeadDim
	for i, r := range []Rows{k, v} {
		elements, err := r.elements()
		if err != nil {
			return fmt.Errorf("%s: %w", shaders.Kind(i), err)
		}
		if r.view.Buffer != nil {
			return fmt.Errorf("%s: rows must be host memory", shaders.Kind(i))
		}
		if elements < need {
			return fmt.Errorf("%s: room for %d elements: %d tokens have %d", shaders.Kind(i), elements, tokens, need)
		}
	}
	if k.typ != v.typ {
		return fmt.Errorf("k is %s and v is %s: both must be alike", k.typ, v.typ)
	}
	return nil
}

// reading is what one list reads of a layer: the tokens up to `to`. Every
// dispatch has a part of out to itself, so that none waits for another: pages
// as [K, V][token][KV head][D] one after the other, run by run, then what the
// ring has as [token][K, V][KV head][D].
type reading struct {
	s     *Sequence
	w     *core.Work
	layer int
	typ   Type
	words int // of a token, one kind, in out
	to    int
	first int // tokens that the caller wants
	end   int
	room  *core.Room // in out
	plan  *core.Room
	parts []readPart
	runs  []readRun
}

// readPart are pages whose pairs lie in one segment.
type readPart struct {
	pairs    []*pages.Pair
	first    int         // number of the first page
	out, job device.View // of rows, and of the plan
}

// readRun are tokens that lie side by side in the ring.
type readRun struct {
	token, tokens int
	out           device.View
}

// newReading reads as many of the tokens at..to as out has room for, of which the
// caller wants first..to.
func (s *Sequence) newReading(layer int, out Type, at, first, to int) *reading {
	w := s.c.work
	r := &reading{s: s, w: w, layer: layer, typ: out, to: at, first: first, end: to, words: w.KVHeads * w.HeadDim * out.Bytes() / 4,
		room: core.NewRoom(w.Out, w.Limits.ViewAlign), plan: w.PlanRoom()}
	for r.to < min(to, s.extent.Stored) && r.addPart() {
	}
	for r.to >= s.extent.Stored && r.to < to && r.addRun(to) {
	}
	return r
}

// pairWords are the words of a pair in out.
func (r *reading) pairWords() int { return 2 * r.w.PageTokens * r.words }

// addPart takes the next pages, as far as they lie in one segment and fit; false:
// not even one fits.
func (r *reading) addPart() bool {
	lg, page := r.w.LayerGroup(r.layer), r.to/r.w.PageTokens
	end := min(r.s.table.RunEnd(lg, page), r.s.storedPages(), (r.end+r.w.PageTokens-1)/r.w.PageTokens)
	room, plan := *r.room, *r.plan
	take := func(n int) readPart {
		*r.room, *r.plan = room, plan
		return readPart{r.s.table.Pairs(lg)[page : page+n], page, r.room.Take(n * r.pairWords()), r.plan.Take(r.s.c.codec.DecodeWords(2 * n))}
	}
	n := core.Most(end-page, func(n int) bool { take(n); return r.room.Err() == nil && r.plan.Err() == nil })
	p := take(n)
	if r.room.Err() != nil || r.plan.Err() != nil {
		*r.room, *r.plan = room, plan
		return false
	}
	r.parts, r.to = append(r.parts, p), (page+n)*r.w.PageTokens
	return true
}

// addRun takes the next tokens of the ring, as far as they lie side by side and
// fit; false: not even one fits.
func (r *reading) addRun(to int) bool {
	room := *r.room
	take := func(n int) device.View { *r.room = room; return r.room.Take(2 * n * r.words) }
	n := core.Most(r.s.window.Ring.Run(r.to, to), func(n int) bool { take(n); return r.room.Err() == nil })
	out := take(n)
	if r.room.Err() != nil {
		*r.room = room
		return false
	}
	r.runs, r.to = append(r.runs, readRun{r.to, n, out}), r.to+n
	return true
}

// run brings the rows to out, in one list with those that wait for the ring.
func (r *reading) run() error {
	err := r.w.Run.Run("read", func(l *device.List) {
		r.s.window.Record(l)
		for _, p := range r.parts {
			r.recordDecode(l, p)
		}
		if len(r.parts) > 0 {
			l.Mark("decode")
		}
		for _, n := range r.runs {
			r.recordRun(l, n)
		}
		if len(r.runs) > 0 {
			l.Mark("convert")
		}
	})
	if err == nil {
		r.s.window.Taken()
	}
	return err
}

// recordDecode records the decoding of a part.
func (r *reading) recordDecode(l *device.List, p readPart) {
	list, lg := []codec.Decode(nil), r.w.LayerGroup(r.layer)
	for i, pair := range p.pairs {
		for kind, page := range pair.Pages {
			list = append(list, codec.Decode{ID: pages.ID{Kind: shaders.Kind(kind), LayerGroup: lg, Page: p.first + i},
				At: page.At, Rows: i*r.pairWords() + kind*r.pairWords()/2})
		}
	}
	plan := core.PartRoom(r.w.Plan, p.job.Offset, p.job.Words, r.w.Limits.ViewAlign)
	r.s.c.codec.Decode(l, plan, list, r.layer, r.typ.shader(), r.words, p.pairs[0].Segment.Buffer, p.out)
	l.Check(plan.Err())
}

// recordRun records the conversion of tokens of the ring.
func (r *reading) recordRun(l *device.List, n readRun) {
	window.Convert(r.w, l, window.Conversion{
		In: r.w.Layout.Type, Out: r.typ.shader(), Rows: 2 * n.tokens * r.w.KVHeads,
		Src: device.Whole(r.s.window.Ring.Buffer), SrcAt: r.s.window.Ring.At(r.w.Geometry, n.token, shaders.Key, r.layer), SrcStride: r.w.KindWords,
		Dst: n.out, DstStride: r.words,
	})
}

// copyOut copies what was read and wanted from out to the caller.
func (r *reading) copyOut(k, v Rows) {
	target, pageWords := [2]Rows{k, v}, r.pairWords()/2
	for _, p := range r.parts {
		for i := range 2 * len(p.pairs) {
			r.copyTokens(target[i%2], (p.first+i/2)*r.w.PageTokens, r.w.PageTokens, p.out.Offset+i*pageWords)
		}
	}
	for _, n := range r.runs {
		for i := range 2 * n.tokens {
			r.copyTokens(target[i%2], n.token+i/2, 1, n.out.Offset+i*r.words)
		}
	}
}

// copyTokens copies rows of n tokens from one on, as far as they are wanted, that lie
// from a word of out on.
func (r *reading) copyTokens(to Rows, token, n, at int) {
	from, end := max(token, r.first), min(token+n, r.end)
	if from >= end {
		return
	}
	words := r.w.Out.Words()[at+(from-token)*r.words : at+(end-token)*r.words]
	to.unpack((from-r.first)*r.w.KVHeads*r.w.HeadDim, words)
}
