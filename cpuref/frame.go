package cpuref

import (
	"math"
	"math/bits"

	"github.com/qaqvk/qaqvk/shaders"
)

// frame tells which tokens there are (doc_attention.go of shaders, "Frames").
type frame struct {
	tokens, base, first, end uint64
	plan                     buffer
}

// openFrame reads the frame that plan begins with.
func openFrame(plan buffer) (frame, error) {
	w, err := plan.span(0, shaders.FrameWords)
	if err != nil {
		return frame{}, err
	}
	r := shaders.ParseFrame(w)
	f := frame{uint64(r.Tokens), uint64(r.Base), uint64(r.First), uint64(r.End), plan}
	if f.base%shaders.SplitTokens != 0 {
		return f, argument(plan.kernel, "scores from token %d: must be a multiple of %d", f.base, shaders.SplitTokens)
	}
	if f.first > f.end || f.end > f.tokens || f.base > f.tokens {
		return f, argument(plan.kernel, "tokens %d to %d, scores from token %d: there are %d", f.first, f.end, f.base, f.tokens)
	}
	return f, nil
}

// begin returns the first token that a dispatch reads.
func (f frame) begin() uint64 { return max(f.base, f.first) }

// splits returns the splits of tokens base..end-1.
func (f frame) splits(end uint64) uint64 {
	if end <= f.base {
		return 0
	}
	return (end - f.base + shaders.SplitTokens - 1) / shaders.SplitTokens
}

// grouping is how query vectors of some KV heads belong to rows [n][QH].
type grouping struct{ vectors, heads, perHead, rowHeads uint64 }

// check fails unless the vectors are those of whole queries.
func (g grouping) check(kernel string) error {
	switch {
	case g.perHead < 1 || g.perHead > 32:
		return argument(kernel, "%d query heads a KV head: must be 1 to 32", g.perHead)
	case g.vectors%g.perHead != 0:
		return argument(kernel, "%d query vectors, %d query heads a KV head: must be whole queries", g.vectors, g.perHead)
	}
	return nil
}

// row returns the place of vector v of KV head h, from the first KV head's row.
func (g grouping) row(h, v uint64) uint64 {
	return v/g.perHead*g.rowHeads + h*g.perHead + v%g.perHead
}

// rows returns the words from the first row to the end of the last one, each of
// so many words, which begin at a word of a buffer.
func (g grouping) rows(b buffer, at uint32, words uint64) ([]uint32, error) {
	switch {
	case g.vectors == 0 || g.heads == 0:
		return nil, nil
	case g.heads*g.perHead > g.rowHeads:
		return nil, argument(b.kernel, "%d KV heads of %d query heads: a query has %d", g.heads, g.perHead, g.rowHeads)
	}
	return b.spanOf(uint64(at), g.row(g.heads-1, g.vectors-1)+1, words)
}

// product multiplies; ok is false above 2^62.
func product(factors ...uint64) (n uint64, ok bool) {
	n = 1
	over := false
	for _, factor := range factors {
		if factor == 0 {
			return 0, true
		}
		high, low := bits.Mul64(n, factor)
		over = over || high != 0 || low > 1<<62
		n = low
	}
	return n, !over
}

// spanOf returns as many words from word at as the product of the factors.
func (b buffer) spanOf(at uint64, factors ...uint64) ([]uint32, error) {
	n, ok := product(factors...)
	if !ok {
		return nil, &RangeError{b.kernel, b.name, math.MaxUint64, uint64(len(b.words))}
	}
	return b.span(at, n)
}
