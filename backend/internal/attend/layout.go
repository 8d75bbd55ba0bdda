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
// tokens.
func newLayout(g *core.Geometry, l device.Limits, vectors, heads, stride int) layout {
	var a layout
	a.tile = l.Target().Tile(g.HeadDim, vectors, stride)
	a.tiles = (vectors + a.tile - 1) / a.tile
	room := core.Measuring(l.ViewAlign)
	a.arranged = room.Take(heads * a.tiles * shaders.TileWords(g.HeadDim, a.tile))
	a.scores = room.Take(heads * a.tiles * a.tile * stride)
	a.partials = room.Take(stride / shaders.SplitTokens * heads * vectors * g.HeadDim)
	a.words = room.Used()
	return a
}
