package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

const (
	leastBound = 0x1p-40 // magnitudes below count as 0 in attention
	mostBound  = 0x1p80  // larger magnitudes of stored values are cut
	mostQuery  = 0x1p20  // larger magnitudes of scaled query elements are cut
	mostStep   = 0x1p72  // larger s8 are cut in scores
)

// frame tells which tokens there are (doc_attention.go of shaders, "Frames").
type frame struct {
	tokens, base, first, end uint64
	words                    buffer
}

// openFrame reads the frame that a buffer begins with.
func openFrame(words buffer) frame {
	r := shaders.ParseFrame(words.span(0, shaders.FrameWords))
	f := frame{uint64(r.Tokens), uint64(r.Base), uint64(r.First), uint64(r.End), words}
	if f.base%shaders.SplitTokens != 0 {
		words.fail("scores from token %d: must be a multiple of %d", f.base, shaders.SplitTokens)
	}
	if f.first > f.end || f.end > f.tokens || f.base > f.tokens {
		words.fail("tokens %d to %d, scores from token %d: there are %d", f.first, f.end, f.base, f.tokens)
	}
	return f
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

// bound brings a finite stored value into the range that attention sums.
func bound(x float32) float32 { return cut(x, mostBound) }

// cut returns +0 for magnitudes below leastBound and brings the others to
// -most..most.
func cut(x, most float32) float32 {
	switch {
	case x > -leastBound && x < leastBound:
		return 0
	case x > most:
		return most
	case x < -most:
		return -most
	}
	return x
}

// grouping is how query vectors of some KV heads belong to rows [n][QH].
type grouping struct{ vectors, heads, perHead, rowHeads uint64 }

// grouping returns the checked grouping of a kernel: vectors of whole queries.
func (k kernel) grouping(vectors, heads, perHead, rowHeads uint32) grouping {
	switch {
	case perHead < 1 || perHead > 32:
		k.fail("%d query heads a KV head: must be 1 to 32", perHead)
	case vectors%perHead != 0:
		k.fail("%d query vectors, %d query heads a KV head: must be whole queries", vectors, perHead)
	}
	return grouping{uint64(vectors), uint64(heads), uint64(perHead), uint64(rowHeads)}
}

// row returns the place of vector v of KV head h, from the first KV head's row.
func (g grouping) row(h, v uint64) uint64 {
	return v/g.perHead*g.rowHeads + h*g.perHead + v%g.perHead
}

// rows returns the words from the first row to the end of the last one, each of
// so many words, which begin at a word of a buffer.
func (g grouping) rows(b buffer, at uint32, words uint64) []uint32 {
	switch {
	case g.vectors == 0 || g.heads == 0:
		return nil
	case g.heads*g.perHead > g.rowHeads:
		b.fail("%d KV heads of %d query heads: a query has %d", g.heads, g.perHead, g.rowHeads)
	}
	return b.spanOf(uint64(at), g.row(g.heads-1, g.vectors-1)+1, words)
}

// tiles says how query vectors are arranged: a tile has a column for each.
type tiles struct {
	d, blocks, queries uint64 // elements and blocks of a vector, vectors of a tile
	perHead            uint64 // tiles of a KV head
}

// tiles returns the arrangement of a head's vectors.
func (k kernel) tiles(s shaders.Spec, vectors uint32) tiles {
	switch s.Queries {
	case 1, 2, 4, 8, 12, 16:
	default:
		k.fail("%d query vectors a tile: must be 1, 2, 4, 8, 12 or 16", s.Queries)
	}
	q := uint64(s.Queries)
	return tiles{uint64(s.HeadDim), uint64(shaders.Blocks(int(s.HeadDim))), q, (uint64(vectors) + q - 1) / q}
}

// words returns the words of a tile, padding included.
func (t tiles) words() uint64 { return uint64(shaders.TileWords(int(t.d), int(t.queries))) }

// scoreTiles are scores or probabilities, [KV head][tile][stride][queries]; the
// place of a token is its number, counted from the frame's base.
type scoreTiles struct {
	tiles
	words   []uint32
	stride  uint64
	spreads []uint32 // [KV head][tile][queries], for who asked for them
}

// openScores returns the scores of so many KV heads, of which tokens
// base..end-1 are used.
func openScores(scores buffer, f frame, t tiles, heads, stride uint32, end uint64) scoreTiles {
	s := scoreTiles{tiles: t, stride: uint64(stride)}
	n := uint64(heads) * t.perHead
	if n == 0 || end <= f.base {
		return s
	}
	used := end - f.base
	if used > s.stride {
		scores.fail("room for scores of %d tokens: there are %d", stride, used)
	}
	last, ok := product(n-1, s.stride, t.queries)
	if !ok {
		last = 1 << 62
	}
	s.words = scores.span(0, last+used*t.queries)
	return s
}

// openSpreads opens the spreads behind the scores of so many KV heads too.
func (s *scoreTiles) openSpreads(scores buffer, heads uint32) {
	tiles := uint64(heads) * s.perHead
	at, ok := product(tiles, s.stride, s.queries)
	if !ok {
		at = 1 << 62
	}
	s.spreads = scores.span(at, tiles*s.queries)
}

// spread returns the place of the spread of vector v of KV head h.
func (s scoreTiles) spread(h, v uint64) *uint32 {
	return &s.spreads[(h*s.perHead+v/s.queries)*s.queries+v%s.queries]
}

// tile returns the word where a token's scores begin in tile n of all.
func (s scoreTiles) tile(n, place uint64) uint64 { return (n*s.stride + place) * s.queries }

// at returns the word of vector v of KV head h. Those of the next tokens follow
// queries words apart.
func (s scoreTiles) at(h, v, place uint64) uint64 {
	return s.tile(h*s.perHead+v/s.queries, place) + v%s.queries
}

// get returns the score of vector v of KV head h.
func (s scoreTiles) get(h, v, place uint64) float32 {
	return math.Float32frombits(s.words[s.at(h, v, place)])
}
