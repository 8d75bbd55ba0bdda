package model

import (
	"github.com/qaqvk/qaqvk/internal/model/blas"
)

// queryRows are the queries whose probabilities are in memory at once for each
// query head; AttendedBlock those that Attended is told of at once.
const (
	queryRows     = 128
	AttendedBlock = 32
)

// headGradients is the attention of a layer over a window and its gradients, by
// query heads and blocks of queries, each with the keys up to the block's last.
type headGradients struct {
	attention // of all n tokens at once; probs is not used
	distance  int
	heads     []headScratch

	gradK, gradV []float32 // of all queries, [n][KVHeads][D]
	farK, farV   []float32 // of queries from distance tokens on
}

// headScratch are the arrays of a query head.
type headScratch struct {
	probs, grads, slopes []float32 // [queryRows][n]
	near, nearV          []float32 // [queryRows][queryRows+distance]
	k, v, farK, farV     []float32 // gradients, [n][D]
	shares               []float32 // [blocks of AttendedBlock][n]
}

// reset prepares for a layer.
func (g *headGradients) reset(c Config, o Attention, n, distance int, t *taped) *headGradients {
	g.attention = attention{Config: c, options: o, q: t.q, k: t.k, v: t.v, n: n, tokens: n}
	g.distance = distance
	if g.heads == nil {
		g.heads = make([]headScratch, c.QueryHeads)
	}
	kv := n * c.KVHeads * c.HeadDim
	for _, a := range []*[]float32{&g.gradK, &g.gradV, &g.farK, &g.farV} {
		*a = grow(*a, kv)
		clear(*a)
	}
	return g
}

// forward computes out [n][QueryHeads][D], unless it is nil, and the shares where asked.
func (g *headGradients) forward(out []float32, shares bool) {
	g.out = out
	blas.Parallel(g.QueryHeads, func(q int) {
		h := g.head(q)
		if shares {
			h.s.shares = grow(h.s.shares, g.blocks()*g.n)
			clear(h.s.shares)
		}
		for first := 0; first < g.n; first += queryRows {
			last := min(first+queryRows, g.n)
			probs := h.probabilities(first, last)
			if out != nil {
				blas.Mul(last-first, g.HeadDim, last, 1, probs, h.values(), 0, h.of(g.out, first))
			}
			if shares {
				h.share(probs, first, last)
			}
		}
	})
}

func (g *headGradients) blocks() int { return (g.n + AttendedBlock - 1) / AttendedBlock }

// tell sums the shares over the query heads, block after block.
func (g *headGradients) tell(layer int, attended func(int, []float32)) {
	for block := range g.blocks() {
		seen := min((block+1)*AttendedBlock, g.n)
		sum := make([]float32, seen)
		for q := range g.QueryHeads {
			for j, x := range g.heads[q].shares[block*g.n:][:seen] {
				sum[j] += x
			}
		}
		attended(layer, sum)
	}
}

// backward takes the gradient out [n][QueryHeads][D] of the result to those of
// queries, q, and of keys and values.
func (g *headGradients) backward(out, q []float32) {
	g.out = out
	blas.Parallel(g.QueryHeads, func(i int) { g.head(i).backward(q) })
	for i := range g.QueryHeads {
		s, at := &g.heads[i], i/g.Group()*g.HeadDim
		for _, a := range []struct{ to, from []float32 }{{g.gradK, s.k}, {g.gradK, s.farK}, {g.gradV, s.v}, {g.gradV, s.farV}, {g.farK, s.farK}, {g.farV, s.farV}} {
			addHead(a.to[at:], a.from, g.HeadDim, g.KVHeads*g.HeadDim)
		}
	}
}

// addHead adds rows [n][d] to rows that begin stride elements apart.
func addHead(to, from []float32, d, stride int) {
	for i := 0; i*d < len(from); i++ {
		dst := to[i*stride:][:d]
		for j, x := range from[i*d : (i+1)*d] {
			dst[j] += x
		}
	}
}
