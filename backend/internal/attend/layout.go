package attend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// layout says where in the scratch a batch has what.
type layout struct {
	tile                       int // vectors of a tile
	tiles                      int // of a KV head
	arranged, scores, partials device.View
	words                      int
}

// newLayout lays out heads KV heads with the given query vectors each, and stride
// tokens from base on.
func newLayout(g *core.Geometry, l device.Limits, vectors, heads, base, stride int) layout {
	var a layout
	a.tile = l.Target().Tile(g.HeadDim, vectors, stride)
	a.tiles = (vectors + a.tile - 1) / a.tile
	arranged, partials := heads*a.tiles*shaders.TileWords(g.HeadDim, a.tile), splitsOf(stride)*heads*vectors*g.HeadDim
	if g.Calibrated {
		arranged = arrangedRecords(g, heads*a.tiles, a.tile, base, stride).Words()
		partials = shaders.RecordPartialsWords(g.HeadDim, splitsOf(stride), heads*vectors)
	}
	room := core.Measuring(l.ViewAlign)
	a.arranged = room.Take(arranged)
	a.scores = room.Take(shaders.ScoresWords(heads*a.tiles, stride, a.tile))
	a.partials = room.Take(partials)
	a.words = room.Used()
	return a
}

// splitsOf are the splits of so many tokens.
func splitsOf(stride int) int { return (stride + shaders.SplitTokens - 1) / shaders.SplitTokens }
