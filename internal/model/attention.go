package model

import (
	"math"

	"github.com/qaqvk/qaqvk/internal/model/blas"
)

// attention computes s.probs [n][QueryHeads][T] = softmax(q·kᵀ/√D), causal, and
// s.mixed [n][QueryHeads][D] = probs·v, for k, v [T][KVHeads][D]; the batch's
// own n tokens are the last of the T.
func attention(c Config, s *scratch, k, v []float32, n, tokens int) {
	if n == 1 {
		// The query heads of a KV head lie one behind the other.
		blas.Parallel(c.KVHeads, func(h int) {
			head{c, h * c.Group(), h, c.Group(), 1, false}.attend(s, k, v, tokens)
		})
		return
	}
	blas.Parallel(c.QueryHeads, func(q int) {
		head{c, q, q / c.Group(), n, c.QueryHeads, true}.attend(s, k, v, tokens)
	})
}

// head is a run of query rows that read the same KV head: rows of [n][QueryHeads]
// rows, from the first one on, stride apart. causal: each row is one token later
// than the one before, the last sees all; else each sees all.
type head struct {
	Config
	first, kv, rows, stride int
	causal                  bool
}

func (h head) attend(s *scratch, k, v []float32, tokens int) {
	d, width := h.HeadDim, h.KVHeads*h.HeadDim
	queries := blas.Matrix{Data: s.q[h.first*d:], Stride: h.stride * d}
	keys := blas.Matrix{Data: k[h.kv*d:], Stride: width}
	values := blas.Matrix{Data: v[h.kv*d:], Stride: width}
	probs := blas.Matrix{Data: s.probs[h.first*tokens:], Stride: h.stride * tokens}
	mixed := blas.Matrix{Data: s.mixed[h.first*d:], Stride: h.stride * d}
	blas.MulT(h.rows, tokens, d, float32(1/math.Sqrt(float64(d))), queries, keys, 0, probs)
	for i := range h.rows {
		seen := tokens
		if h.causal {
			seen = tokens - h.rows + i + 1
		}
		softmax(probs.Data[i*probs.Stride:][:tokens], seen)
	}
	blas.Mul(h.rows, d, tokens, 1, probs, values, 0, mixed)
}

// softmax normalises the first seen scores in place and zeroes the rest.
func softmax(row []float32, seen int) {
	scores := row[:seen]
	top := scores[0]
	for _, x := range scores {
		top = max(top, x)
	}
	var sum float64
	for i, x := range scores {
		scores[i] = exp(x - top)
		sum += float64(scores[i])
	}
	scale := float32(1 / sum)
	for i := range scores {
		scores[i] *= scale
	}
	clear(row[seen:])
}
