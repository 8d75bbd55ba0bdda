package model

import (
	"math"

	"github.com/qaqvk/qaqvk/internal/model/blas"
)

// Attender attends to rows in host memory. Its zero value is ready.
type Attender struct{ probs []float32 }

// Attend computes out = softmax(q·kᵀ·scale)·v for the newest n of T tokens,
// causal, and returns the probabilities, [n][QueryHeads][T], which are valid
// until the next call. q and out are [n][QueryHeads][HeadDim], k and v
// [T][KVHeads][HeadDim]. gone tells which rows are left out, [T][KVHeads]; nil:
// none. A query must see at least one row.
func (a *Attender) Attend(c Config, o Attention, q, out, k, v []float32, gone []bool) []float32 {
	n, tokens := len(q)/(c.QueryHeads*c.HeadDim), len(k)/(c.KVHeads*c.HeadDim)
	a.probs = grow(a.probs, n*c.QueryHeads*tokens)
	call := attention{c, o, q, out, k, v, a.probs, gone, n, tokens}
	call.run()
	return a.probs
}

// attention are the arrays of one layer's attention for a batch of n tokens,
// the last of the T.
type attention struct {
	Config
	options   Attention
	q, out    []float32 // [n][QueryHeads][D]
	k, v      []float32 // [T][KVHeads][D]
	probs     []float32 // [n][QueryHeads][T]
	gone      []bool    // [T][KVHeads]
	n, tokens int       // n, T
}

// run computes probs = softmax(q·kᵀ·scale), causal, and out = probs·v.
func (a *attention) run() {
	if a.n == 1 {
		// The query heads of a KV head lie one behind the other.
		blas.Parallel(a.KVHeads, func(h int) {
			head{a, h * a.Group(), h, a.Group(), 1, false}.attend()
		})
		return
	}
	blas.Parallel(a.QueryHeads, func(q int) {
		head{a, q, q / a.Group(), a.n, a.QueryHeads, true}.attend()
	})
}

// head is a run of query rows that read the same KV head: rows of [n][QueryHeads]
// rows, from the first one on, stride apart. causal: each row is one token later
// than the one before, the last sees all; else each sees all.
type head struct {
	*attention
	first, kv, rows, stride int
	causal                  bool
}

func (h head) attend() {
	d, tokens := h.HeadDim, h.tokens
	width := h.KVHeads * d
	queries := blas.Matrix{Data: h.q[h.first*d:], Stride: h.stride * d}
	keys := blas.Matrix{Data: h.k[h.kv*d:], Stride: width}
	values := blas.Matrix{Data: h.v[h.kv*d:], Stride: width}
	probs := blas.Matrix{Data: h.probs[h.first*tokens:], Stride: h.stride * tokens}
	out := blas.Matrix{Data: h.out[h.first*d:], Stride: h.stride * d}
	blas.MulT(h.rows, tokens, d, h.scale(), queries, keys, 0, probs)
	for i := range h.rows {
		seen := tokens
		if h.causal {
			seen = tokens - h.rows + i + 1
		}
		from := 0
		if w := h.options.Window; w > 0 {
			from = max(0, seen-w)
		}
		row := probs.Data[i*probs.Stride:][:tokens]
		softCap(row[from:seen], h.options.SoftCap)
		h.leaveOut(row[:seen])
		softmax(row, from, seen)
	}
	blas.Mul(h.rows, d, tokens, 1, probs, values, 0, out)
}

// leaveOut takes the rows that are gone out of the softmax.
func (h head) leaveOut(row []float32) {
	if h.gone == nil {
		return
	}
	for t := range row {
		if h.gone[t*h.KVHeads+h.kv] {
			row[t] = float32(math.Inf(-1))
		}
	}
}

// scale is the factor of the scores.
func (a *attention) scale() float32 {
	if a.options.Scale != 0 {
		return a.options.Scale
	}
	return float32(1 / math.Sqrt(float64(a.HeadDim)))
}

// softmax normalises the scores from one to another, exclusive, in place and
// zeroes the rest.
func softmax(row []float32, from, seen int) {
	scores := row[from:seen]
	top := scores[0]
	for _, x := range scores {
		top = max(top, x)
	}
	scale := float32(1 / blas.SumExp(scores, top))
	for i := range scores {
		scores[i] *= scale
	}
	clear(row[:from])
	clear(row[seen:])
}
