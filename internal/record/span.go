package record

import (
	"encoding/binary"

	"github.com/x448/float16"

	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// rows are those of some tokens of a stream in a layer.
type rows struct {
	q    []float32 // [n][QueryHeads][D]
	k, v []byte    // f16, [n][KVHeads][D]
	n    int
}

// span are the rows of tokens of a stream, at most so many, from one on.
type span struct {
	stream, begin, most int
	head                int // rows that stand before its own
	kept                int // first tokens of the stream that were there when it began
	layers              []rows
	scale, softCap      float32
}

func newSpan(o kvbuffer.Observed, begin, most int) *span {
	return &span{stream: o.Stream, begin: begin, most: most, kept: o.Kept, layers: make([]rows, o.Shape.Layers), scale: o.Scale, softCap: o.SoftCap}
}

// whole returns the tokens that all layers have.
func (s *span) whole() int {
	n := s.most
	for _, l := range s.layers {
		n = min(n, l.n)
	}
	return n
}

// take adds what is new of the rows of a layer, as far as there is room; those of a step
// that was given up make room first. false: tokens between are missing.
func (s *span) take(o kvbuffer.Observed) bool {
	l, at := &s.layers[o.Layer], o.First-s.begin
	if at < 0 || at > l.n {
		return at >= 0 && l.n == s.most
	}
	l.cut(at)
	l.add(o, min(tokens(o), s.most-at))
	return true
}

// lost tells whether rows of the span are no more those of the stream, of which so many
// first tokens are still there.
func (s *span) lost(kept int) bool {
	n := s.whole()
	if n == s.head {
		return kept < s.kept
	}
	return kept < s.begin+n
}

// full tells whether a step has no room in a window that is long enough without it.
func (s *span) full(o kvbuffer.Observed) bool {
	return o.First-s.begin+tokens(o) > s.most && s.whole() >= calibrate.LeastWindow
}

// cut leaves the first n tokens.
func (s *span) cut(n int) {
	for i := range s.layers {
		s.layers[i].cut(min(n, s.layers[i].n))
	}
}

// follow puts the rows of another span, as many as all its layers have, first.
func (s *span) follow(first *span) {
	n := first.whole()
	s.head = n
	for i := range s.layers {
		from := first.layers[i]
		from.cut(n)
		s.layers[i] = rows{append([]float32(nil), from.q...), append([]byte(nil), from.k...), append([]byte(nil), from.v...), n}
	}
}

// add appends the first n rows that were observed.
func (r *rows) add(o kvbuffer.Observed, n int) {
	all := tokens(o)
	r.q, r.k, r.v = append(r.q, o.Q[:len(o.Q)/all*n]...), append(r.k, o.K[:len(o.K)/all*n]...), append(r.v, o.V[:len(o.V)/all*n]...)
	r.n += n
}

func tokens(o kvbuffer.Observed) int { return len(o.Q) / (o.Shape.QueryHeads * o.Shape.HeadDim) }

// cut leaves the first n rows.
func (r *rows) cut(n int) {
	if r.n == 0 || n == r.n {
		return
	}
	r.q, r.k, r.v = r.q[:len(r.q)/r.n*n], r.k[:len(r.k)/r.n*n], r.v[:len(r.v)/r.n*n]
	r.n = n
}

// floats returns f16 rows as numbers.
func floats(rows []byte) []float32 {
	out := make([]float32, len(rows)/2)
	for i := range out {
		out[i] = float16.Frombits(binary.LittleEndian.Uint16(rows[2*i:])).Float32()
	}
	return out
}
