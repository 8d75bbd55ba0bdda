package eval

import (
	"context"
	"slices"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/peers"
	"github.com/qaqvk/qaqvk/shaders"
)

// coded is a method whose rows lie in host memory as a codec leaves them: f16 and
// the peers.
type coded struct{ name string }

// Name implements Method.
func (c coded) Name() string { return c.name }

// f16 is the uncompressed cache: rows rounded to f16.
const f16 = "f16"

// Open implements Method.
func (c coded) Open(ctx context.Context, b *Bench, _ int) (Store, error) {
	s := &codedStore{bench: b}
	if c.name == f16 {
		s.codec = &peers.Codec{Name: f16, Bits: [2]float64{16, 16}, Codes: 16, Block: 1}
		return s, nil
	}
	shape := peers.Shape{KVHeads: b.Model.KVHeads, HeadDim: b.Model.HeadDim}
	if c.name == "q4_0-hadamard-mean" {
		means, err := b.keyMeans(ctx)
		if err != nil {
			return nil, err
		}
		shape.Mean = means.At
	}
	var err error
	s.codec, err = peers.New(c.name, shape)
	return s, err
}

type codedStore struct {
	bench *Bench
	codec *peers.Codec
}

// NewText implements Store.
func (s *codedStore) NewText(context.Context) (Text, error) {
	n := s.bench.Model.Layers
	return &codedText{codedStore: s, rows: [2][][]float32{make([][]float32, n), make([][]float32, n)}}, nil
}

// Close implements Store.
func (s *codedStore) Close() {}

type codedText struct {
	*codedStore
	tokens, coded int
	rows          [2][][]float32 // by kind and layer, [T][KVHeads][HeadDim]
}

// row is the elements of a token's K or V in a layer.
func (t *codedText) row() int { return t.bench.Model.KVHeads * t.bench.Model.HeadDim }

// Tokens implements model.KV.
func (t *codedText) Tokens() int { return t.tokens }

// Append implements model.KV.
func (t *codedText) Append(layer int, k, v []float32) error {
	for kind, rows := range [2][]float32{k, v} {
		all, at := t.rows[kind][layer], t.tokens*t.row()
		all = append(all[:at], rows...)
		peers.Half(all[at:])
		t.rows[kind][layer] = all
	}
	return nil
}

// Attend implements model.KV.
func (t *codedText) Attend(layer int, q, out []float32, a model.Attention) error {
	t.bench.host.Attend(t.bench.Model.Config, a, q, out, t.rows[0][layer], t.rows[1][layer], nil)
	return nil
}

// Step implements model.KV: whole blocks that left the window are coded.
func (t *codedText) Step() error {
	row, block := t.row(), t.codec.Block
	t.tokens = len(t.rows[0][0]) / row
	to := max(t.coded, (t.tokens-t.bench.Window)/block*block)
	from := max(t.coded, t.codec.Sinks)
	if t.codec.Name != f16 && to > from {
		for kind := range t.rows {
			for layer, rows := range t.rows[kind] {
				t.codec.Code(shaders.Kind(kind), layer, from, rows[from*row:to*row])
			}
		}
	}
	t.coded = to
	return nil
}

// Observe implements Text: codecs do not look at attention.
func (t *codedText) Observe(int, []float32, int) error { return nil }

// Fork implements Text.
func (t *codedText) Fork(context.Context) (Text, error) {
	f := *t
	for kind := range t.rows {
		f.rows[kind] = make([][]float32, len(t.rows[kind]))
		for layer, rows := range t.rows[kind] {
			f.rows[kind][layer] = slices.Clone(rows)
		}
	}
	return &f, nil
}

// Size implements Text.
func (t *codedText) Size() Size {
	each := int64(t.row() * t.bench.Model.Layers) // elements of a token, one kind
	s := Size{Elements: 2 * int64(t.coded) * each, F16: 4 * int64(t.tokens) * each}
	raw := min(t.coded, t.codec.Sinks)
	coded := int64(t.coded-raw) * each
	s.Stored = float64(coded)*(t.codec.Bits[0]+t.codec.Bits[1])/8 + float64(4*int64(raw)*each)
	s.Live = s.Stored + float64(4*int64(t.tokens-t.coded)*each)
	s.Paper = s.Live - float64(coded)*(t.codec.Bits[0]+t.codec.Bits[1]-2*t.codec.Codes)/8
	return s
}

// Close implements Text.
func (t *codedText) Close() error { return nil }
