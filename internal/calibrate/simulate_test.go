//go:build model

package calibrate_test

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/blas"
	"github.com/qaqvk/qaqvk/shaders"
)

// simulated is a KV that keeps rows as the calibrated codec would, computed in f32
// without its kernels, for batches of model.AttendedBlock tokens.
type simulated struct {
	c      model.Config
	p      *profile.Profile
	planes *profile.Planes
	values [profile.CodeBits + 1][]float32
	layers []simLayer
	tokens int
	bits   float64 // stored, of all elements and steps
	elems  float64
}

type simLayer struct {
	rows, kept [2][]float32 // as they came, as they are read, [T][KVHeads][D]
	codes      [2][]uint8
	level      []int // −1: raw
	average    []float32
	sinks      []bool
}

const simTokens = 4096

func newSimulated(c model.Config, p *profile.Profile) *simulated {
	s := &simulated{c: c, p: p, planes: p.Planes(), values: tables(p), layers: make([]simLayer, c.Layers)}
	for i := range s.layers {
		s.layers[i].average = make([]float32, simTokens)
	}
	return s
}

func (s *simulated) Tokens() int { return s.tokens }
func (s *simulated) Step() error {
	s.tokens = len(s.layers[0].level)
	return nil
}

func (s *simulated) Append(layer int, k, v []float32) error {
	l := &s.layers[layer]
	for kind, x := range [][]float32{k, v} {
		l.rows[kind], l.kept[kind] = append(l.rows[kind], x...), append(l.kept[kind], x...)
		codes := make([]uint8, len(x))
		d := s.c.HeadDim
		blas.Parallel(len(x)/d, func(r int) {
			token, head := s.tokens+r/s.c.KVHeads, r%s.c.KVHeads
			h := s.p.Head(shaders.Kind(kind), layer, head)
			forward := h.Forward()
			row := s.less(kind, h, x[r*d:(r+1)*d], token)
			for c := range d {
				var z float32
				for e, a := range forward[c*d : (c+1)*d] {
					z += a * row[e]
				}
				codes[r*d+c] = uint8(profile.Code(z, s.p.Codebook.Thresholds))
			}
		})
		l.codes[kind] = append(l.codes[kind], codes...)
	}
	for range len(k) / (s.c.KVHeads * s.c.HeadDim) {
		l.level, l.sinks = append(l.level, -1), append(l.sinks, false)
	}
	return nil
}

// mean is the head's mean at a position.
func (s *simulated) mean(kind int, h profile.Head, position int) []float32 {
	mean := append([]float32{}, h.Mean...)
	if kind == 0 {
		n := len(s.p.RoPE.Speeds)
		cos, sin := make([]float32, n), make([]float32, n)
		s.p.RoPE.Turn(s.p.Middle(position), cos, sin)
		s.p.RoPE.Rotate(mean, cos, sin)
	}
	return mean
}

func (s *simulated) less(kind int, h profile.Head, x []float32, position int) []float32 {
	mean := s.mean(kind, h, position)
	for e := range mean {
		mean[e] = x[e] - mean[e]
	}
	return mean
}

func (s *simulated) Attend(layer int, q, out []float32, a model.Attention) error {
	l, d := &s.layers[layer], s.c.HeadDim
	n := len(q) / (s.c.QueryHeads * d)
	total := s.tokens + n
	s.adapt(layer, max(0, s.tokens-s.p.Importance.Recent))
	shares := make([]float32, s.c.QueryHeads*total)
	blas.Parallel(s.c.QueryHeads, func(i int) {
		kv, width := i/s.c.Group()*d, s.c.KVHeads*d
		probs := blas.Matrix{Data: make([]float32, n*total), Stride: total}
		blas.MulT(n, total, d, float32(1/math.Sqrt(float64(d))), blas.Matrix{Data: q[i*d:], Stride: s.c.QueryHeads * d}, blas.Matrix{Data: l.kept[0][kv:], Stride: width}, 0, probs)
		for r := range n {
			row, seen := probs.Data[r*total:(r+1)*total], s.tokens+r+1
			softmax(row, seen)
			var squares float32
			for _, x := range row[:seen] {
				squares += x * x
			}
			for j, x := range row[:seen] {
				shares[i*total+j] += x * x / squares
			}
		}
		blas.Mul(n, d, total, 1, probs, blas.Matrix{Data: l.kept[1][kv:], Stride: width}, 0, blas.Matrix{Data: out[i*d:], Stride: s.c.QueryHeads * d})
	})
	decay := float32(math.Exp2(-float64(n) / float64(s.p.Importance.HalfLife)))
	for j := range total {
		var sum float32
		for h := range s.c.QueryHeads {
			sum += shares[h*total+j]
		}
		l.average[j] = l.average[j]*decay + sum*(1-decay)
		if l.average[j]/float32(n*s.c.QueryHeads) > s.p.Importance.Sink {
			l.sinks[j] = true
		}
	}
	return nil
}

func softmax(row []float32, seen int) {
	top, sum := row[0], 0.0
	for _, x := range row[:seen] {
		top = max(top, x)
	}
	for j, x := range row[:seen] {
		row[j] = float32(math.Exp(float64(x - top)))
		sum += float64(row[j])
	}
	for j := range row[:seen] {
		row[j] /= float32(sum)
	}
	clear(row[seen:])
}

// adapt gives the tokens before bound their levels and counts their bits.
func (s *simulated) adapt(layer, bound int) {
	l, elems := &s.layers[layer], float64(2*s.c.KVHeads*s.c.HeadDim)
	sum, count := 0.0, 0.0
	for j := s.p.Importance.First; j < s.tokens; j++ {
		if !l.sinks[j] {
			sum += float64(l.average[j])
			count++
		}
	}
	changed := make([][]int, profile.Levels)
	for j := s.p.Importance.First; j < bound; j++ {
		s.elems += elems
		s.bits += 2 * 32 * float64(shaders.RecordsAt(s.p.PageTokens)) / float64(s.p.PageTokens)
		if l.sinks[j] {
			s.bits += 16 * elems
			if l.level[j] >= 0 {
				l.level[j] = -1
				width := s.c.KVHeads * s.c.HeadDim
				for kind := range 2 {
					copy(l.kept[kind][j*width:(j+1)*width], l.rows[kind][j*width:(j+1)*width])
				}
			}
			continue
		}
		level := calibrate.Level(float64(l.average[j])*count/sum, s.p.Importance.Floor)
		s.bits += float64(s.planes.RecordBits(shaders.Key, layer, level) + s.planes.RecordBits(shaders.Value, layer, level))
		if level != l.level[j] {
			l.level[j] = level
			changed[level] = append(changed[level], j)
		}
	}
	blas.Parallel(2*s.c.KVHeads, func(i int) {
		for level, tokens := range changed {
			s.rewrite(i/s.c.KVHeads, layer, i%s.c.KVHeads, level, tokens)
		}
	})
}

// rewrite decodes tokens at a level.
func (s *simulated) rewrite(kind, layer, head, level int, tokens []int) {
	l, d := &s.layers[layer], s.c.HeadDim
	h := s.p.Head(shaders.Kind(kind), layer, head)
	z, back := make([]float32, len(tokens)*d), make([]float32, len(tokens)*d)
	for c := range d {
		bits := 0
		for bits < profile.CodeBits && c < s.planes.Count(shaders.Kind(kind), layer, head, level, bits) {
			bits++
		}
		if bits == 0 {
			continue
		}
		table := s.values[bits]
		for i, j := range tokens {
			z[i*d+c] = table[l.codes[kind][(j*s.c.KVHeads+head)*d+c]>>(profile.CodeBits-bits)]
		}
	}
	blas.MulT(len(tokens), d, d, 1, blas.Matrix{Data: z, Stride: d}, blas.Matrix{Data: h.Backward(), Stride: d}, 0, blas.Matrix{Data: back, Stride: d})
	for i, j := range tokens {
		dst := l.kept[kind][(j*s.c.KVHeads+head)*d:][:d]
		for e, x := range s.mean(kind, h, j) {
			dst[e] = back[i*d+e] + x
		}
	}
}
