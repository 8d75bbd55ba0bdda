package conformance

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// pages are those that hold the stored tokens before end.
func (a *Attention) pages(end int) int {
	return (end - a.First + a.PageTokens - 1) / max(a.PageTokens, 1)
}

// heads are the KV heads of a dispatch.
func (a *Attention) heads() int {
	if a.HeadCount > 0 {
		return a.HeadCount
	}
	return a.Heads - a.HeadFirst
}

// vectors are the query vectors of a KV head, V.
func (a *Attention) vectors() int { return a.Queries * a.PerHead }

// tiles of a KV head's vectors.
func (a *Attention) tiles() int { return (a.vectors() + a.Tile - 1) / a.Tile }

// stride is the tokens that scores have room for: some more than there are.
func (a *Attention) stride() int { return a.Tokens - a.Base + 3 }

// splits are those of the tokens that scores hold.
func (a *Attention) splits() int {
	return (a.Tokens - a.Base + shaders.SplitTokens - 1) / shaders.SplitTokens
}

// scoresWords are the words of the scores of all tiles, and of the spreads.
func (a *Attention) scoresWords() int {
	return shaders.ScoresWords(a.heads()*a.tiles(), a.stride(), a.Tile)
}

// spreadAt is the word of the spread of vector v of all KV heads' vectors.
func (a *Attention) spreadAt(v int) int {
	tile, column := a.columnOf(v)
	return (a.heads()*a.tiles()*a.stride()+tile)*a.Tile + column
}

// columnOf is the tile, of all, of vector v of all KV heads' vectors, and its place there.
func (a *Attention) columnOf(v int) (tile, column int) {
	h, v := v/a.vectors(), v%a.vectors()
	return h*a.tiles() + v/a.Tile, v % a.Tile
}

// scoreAt is the word of vector v of all KV heads' vectors for token t.
func (a *Attention) scoreAt(v, t int) int {
	tile, column := a.columnOf(v)
	return (tile*a.stride()+t-a.Base)*a.Tile + column
}

// scaleOf is what queries are multiplied by.
func (p Params) scaleOf() float32 {
	if p.Attention.Scale > 0 {
		return p.Attention.Scale
	}
	return float32(1 / math.Sqrt(float64(p.HeadDim)))
}

// frame is the frame of all tokens, for kernels that read no rows.
func (a *Attention) frame() []uint32 {
	return shaders.Frame{Tokens: uint32(a.Tokens), Base: uint32(a.Base), First: uint32(a.First), End: uint32(a.Tokens)}.AppendTo(nil)
}
