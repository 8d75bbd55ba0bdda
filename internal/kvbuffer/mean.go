package kvbuffer

import (
	"context"
	"encoding/binary"
	"errors"
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
// The mean is that of the rows that begin a text, if they are meanTokens or more. As a text
// grows, what its keys have in common changes: with meanGrowth times the tokens, all rows
// go through memory, as they came where the cache still has them so, and back less the
// mean of all. A fork that has a mean keeps it, and so do both that share its pages.
const (
	meanTokens = 16 // fewer than the first page of a cache and its recent window: until then all rows are there as they came
	meanGrowth = 4
	meanSkips  = 4       // first tokens, whose keys are unlike all others
	mostMean   = 1 << 14 // an element of the mean: far from the largest f16
	mostF16    = 65504
)

// adaptAfter are the tokens behind rows that went back after which their bits are chosen
// anew: queries enough have seen them.
const adaptAfter = 16

const mixedCaps = "layers with a soft cap among others without one"

// mean is what the keys of a stream's sequence have less than those of llama.cpp.
type mean struct {
	of      [][]float32 // by layer, the elements of a row, each an f16; nil: nothing is taken out
	tokens  int         // that it was made from
	shared  bool        // pages of a fork depend on it
	adaptAt int         // tokens with which bits are chosen anew; 0: that is done
}

// takesMean tells whether a mean is taken out of the keys of streams that begin.
func (b *Buffer) takesMean() bool { return !b.capped && b.cache.Ranged() }

// lessMean returns keys that are about to be appended to a layer behind so many tokens,
// less the mean, which is theirs where they are the first ones.
func (b *Buffer) lessMean(s *stream, layer, before int, k []byte) []byte {
	m, n := &s.mean, len(k)/b.layout.row
	if before == 0 && n >= meanTokens && (m.of == nil || m.of[layer] == nil) && b.takesMean() {
		if m.of == nil {
			m.of = make([][]float32, len(b.layout.tensors))
		}
		m.of[layer], m.tokens = meanOf(n, func(t int) []byte { return k[t*b.layout.row:][:b.layout.row] }), n
	}
	if m.of == nil || m.of[layer] == nil {
		return k
	}
	out := grown(&b.scratch.less, len(k))
	addMean(out, k, m.of[layer], -1)
	return out
}

// plusMean gives keys of the sequence what they have less.
func (b *Buffer) plusMean(s *stream, layer int, k []byte) {
	if s.mean.of != nil && s.mean.of[layer] != nil {
		addMean(k, k, s.mean.of[layer], 1)
	}
}

// takeMean makes the mean of rows of memory that a stream without tokens is about to get.
func (b *Buffer) takeMean(s *stream, cells []int32) {
	if len(s.order) > 0 || len(cells) < meanTokens || !b.takesMean() {
		return
	}
	s.mean = mean{of: make([][]float32, len(b.layout.tensors)), tokens: len(cells)}
	for layer := range s.mean.of {
		s.mean.of[layer] = meanOf(len(cells), func(t int) []byte { return b.row(layer, key, s, cells[t]) })
	}
}

// center takes the mean of all tokens out of the keys of a stream that has grown. No step
// is open.
func (b *Buffer) center(s *stream) error {
	m, n := &s.mean, len(s.order)
	if m.adaptAt > 0 && n >= m.adaptAt {
		m.adaptAt = 0
		if _, err := s.seq.Adapt(context.Background()); err != nil && !errors.Is(err, backend.ErrHostBudget) {
			return err
		}
	}
	if n < max(meanTokens, meanGrowth*m.tokens) || m.shared || !b.takesMean() {
		return nil
	}
	cells := append([]int32(nil), s.order...)
	if err := b.copyOutExact(s); err != nil {
		return err
	}
	if err := b.drop(s); err != nil {
		return err
	}
	if err := b.absorb(s, cells); err != nil {
		return err
	}
	s.mean.adaptAt = n + adaptAfter
	return nil
}

// copyOutExact brings all rows of a stream to memory, as they came where the cache has them
// so: those of the recent window, which a rollback fills with older ones.
func (b *Buffer) copyOutExact(s *stream) error {
	for len(s.order) > 0 {
		stored := s.seq.Stats().Stored
		if err := b.copyOut(s, stored); err != nil {
			return err
		}
		err := s.seq.Rollback(len(s.order) - stored)
		if errors.Is(err, backend.ErrRollback) {
			return b.copyOut(s, 0)
		}
		if err != nil {
			return err
		}
		s.cut(stored)
	}
	return nil
}

// checkCap is told of an attention's soft cap, which does see a vector in all keys: then
// no mean is taken out of any. The reason says why it is too late for that.
func (b *Buffer) checkCap(s *stream, softCap float32) (reason string) {
	b.capped = b.capped || softCap != 0
	if softCap != 0 && s.mean.of != nil {
		return mixedCaps
	}
	return ""
}

// share is the mean of a fork and of what it was forked from.
func (m *mean) share() mean {
	m.shared = m.of != nil
	return *m
}

// meanOf is the mean of n rows but the first ones, by element, an f16 of at most
// mostMean. Infinities and NaN do not count.
func meanOf(n int, row func(token int) []byte) []float32 {
	width := len(row(0)) / f16Bytes
	sum, count := make([]float64, width), make([]int, width)
	for t := meanSkips; t < n; t++ {
		for i, r := 0, row(t); i < width; i++ {
			if h := binary.LittleEndian.Uint16(r[i*f16Bytes:]); finite(h) {
				sum[i], count[i] = sum[i]+float64(float16.Frombits(h).Float32()), count[i]+1
			}
		}
	}
	out := make([]float32, width)
	for i := range out {
		x := math.Max(-mostMean, math.Min(mostMean, sum[i]/float64(max(1, count[i]))))
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
