package kvbuffer

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"

	"github.com/qaqvk/qaqvk/backend"
)

// A ranged codec (backend.Cache.Ranged) divides the range of each row's elements into
// steps. Keys of a layer have much in common, biases and what RoPE hardly turns, and that
// widens the range and says nothing: a query's product with one vector is the same for all
// keys, so softmax does not see whether the vector is in them. So keys go to the sequence
// less their mean, one for each stream and layer, and get it back as they are read.
//
// The mean is that of the first batch of meanTokens or more. Where a text begins with
// shorter ones, their rows are kept as they came until there are so many; then they are
// appended anew. From then on the mean stays, until the stream has no tokens.
const (
	meanTokens = 64
	meanSkips  = 4       // first tokens, whose keys are unlike all others
	mostMean   = 1 << 14 // an element of the mean: far from the largest f16
	mostF16    = 65504
)

const mixedCaps = "layers with a soft cap among others without one"

// mean is what a stream's keys in the sequence have less than those of llama.cpp.
type mean struct {
	of    [][]float32 // by layer, the elements of a row, each an f16; nil: nothing is taken out
	early [][2][]byte // by layer, rows of all tokens as they came, before there is a mean
}

// lessMean returns the keys of rows that are about to be appended to a layer behind so
// many tokens, less the mean. It decides on the mean with the first rows of a stream.
func (b *Buffer) lessMean(s *stream, layer, before int, rows [2][]byte) []byte {
	switch m := &s.mean; {
	case b.decided(s, layer):
	case before == 0 && len(rows[key]) >= meanTokens*b.layout.row:
		if m.of == nil {
			m.of = make([][]float32, len(b.layout.tensors))
		}
		m.of[layer] = meanOf(rows[key], b.layout.row)
	default:
		if m.early == nil {
			m.early = make([][2][]byte, len(b.layout.tensors))
		}
		for kind := range rows {
			m.early[layer][kind] = append(m.early[layer][kind], rows[kind]...)
		}
	}
	if s.mean.of == nil || s.mean.of[layer] == nil {
		return rows[key]
	}
	out := grown(&b.scratch.less, len(rows[key]))
	addMean(out, rows[key], s.mean.of[layer], -1)
	return out
}

// decided tells whether it is known what is taken out of a layer's keys.
func (b *Buffer) decided(s *stream, layer int) bool {
	return !b.cache.Ranged() || b.capped || s.mean.of != nil && s.mean.of[layer] != nil
}

// plusMean gives keys of the sequence what they have less.
func (b *Buffer) plusMean(s *stream, layer int, k []byte) {
	if s.mean.of != nil && s.mean.of[layer] != nil {
		addMean(k, k, s.mean.of[layer], 1)
	}
}

// center takes the mean out of the keys of a text that began with short batches, once it
// has tokens enough: its rows are appended anew. No step is open.
func (b *Buffer) center(s *stream) error {
	m, row := &s.mean, b.layout.row
	if m.early == nil || len(s.order) < meanTokens {
		return nil
	}
	m.of = make([][]float32, len(m.early))
	for layer, rows := range m.early {
		m.of[layer] = meanOf(rows[key], row)
	}
	early := m.early
	m.early = nil
	if err := s.seq.Rollback(len(s.order)); err != nil {
		return err
	}
	for from, n := 0, len(s.order); from < n; from += b.shape.StepTokens {
		to := min(n, from+b.shape.StepTokens)
		for layer, rows := range early {
			k := b.lessMean(s, layer, from, [2][]byte{rows[key][from*row : to*row]})
			if err := s.seq.Append(layer, backend.RowsBytes(backend.F16, k), backend.RowsBytes(backend.F16, rows[value][from*row:to*row])); err != nil {
				return err
			}
		}
		if err := b.endStep(s); err != nil {
			return err
		}
	}
	return nil
}

// checkCap is told of an attention's soft cap, which does see a vector in all keys: then
// no mean is taken out of any. The reason says why it is too late for that.
func (b *Buffer) checkCap(s *stream, softCap float32) (reason string) {
	if softCap == 0 {
		return ""
	}
	b.capped = true
	s.mean.early = nil
	if s.mean.of != nil {
		return mixedCaps
	}
	return ""
}

// cut forgets the rows of the tokens from one on, of row bytes each.
func (m *mean) cut(from, row int) {
	if from == 0 {
		*m = mean{}
	}
	for layer := range m.early {
		for kind, rows := range m.early[layer] {
			m.early[layer][kind] = rows[:min(len(rows), from*row)]
		}
	}
}

// clone is the mean of a fork.
func (m mean) clone() mean {
	out := mean{of: m.of}
	for _, rows := range m.early {
		out.early = append(out.early, [2][]byte{append([]byte(nil), rows[key]...), append([]byte(nil), rows[value]...)})
	}
	return out
}

// meanOf is the mean of rows of so many bytes but the first ones, by element, an f16 of
// at most mostMean. Infinities and NaN do not count.
func meanOf(rows []byte, row int) []float32 {
	out := make([]float32, row/f16Bytes)
	for i := range out {
		sum, n := 0.0, 0
		for at := meanSkips*row + i*f16Bytes; at < len(rows); at += row {
			if h := binary.LittleEndian.Uint16(rows[at:]); finite(h) {
				sum, n = sum+float64(float16.Frombits(h).Float32()), n+1
			}
		}
		x := math.Max(-mostMean, math.Min(mostMean, sum/float64(max(1, n))))
		out[i] = float16.Fromfloat32(float32(x)).Float32()
	}
	return out
}

// addMean writes rows with the mean added, times a sign. A result is the nearest f16, the
// largest one where it is beyond; infinities and NaN stay what they are. So a key that
// comes back is at most one step of f16 off, of the larger one of key and mean.
func addMean(to, rows []byte, mean []float32, sign float32) {
	for i := 0; i < len(rows); i += f16Bytes {
		h := binary.LittleEndian.Uint16(rows[i:])
		if finite(h) {
			x := float16.Frombits(h).Float32() + sign*mean[i/f16Bytes%len(mean)]
			h = float16.Fromfloat32(max(-mostF16, min(mostF16, x))).Bits()
		}
		binary.LittleEndian.PutUint16(to[i:], h)
	}
}

// finite tells whether an f16 is neither an infinity nor NaN.
func finite(h uint16) bool { return h&0x7c00 != 0x7c00 }
