package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// geometry has the sizes of a cache that follow from its Config.
//
// A unit is what a page covers besides its tokens: one layer, or all layers at
// level token. A chunk is PageTokens consecutive tokens; it has a page for each
// kind and unit. Words are 32-bit words of the cache's type.
type geometry struct {
	layout        shaders.Layout
	layers, heads int
	units         int // pages of a kind and chunk
	pageTokens    int
	tokenGroups   int // groups of a token in a page
	pageGroups    int // groups of a page
	layerWords    int // rows of a token in a layer, one kind
	tokenWords    int // rows of a token in all layers, one kind
	slots         int // tokens of the recent-window ring, whole pages
	slotStride    int // words from slot to slot of encode
}

func newGeometry(c Config) (geometry, error) {
	g := geometry{layers: c.Layers, heads: c.KVHeads, units: c.Layers, pageTokens: c.PageTokens, tokenGroups: 1}
	rows := 1
	switch c.Level {
	case LevelHead:
		g.tokenGroups = c.KVHeads
	case LevelLayer:
		rows = c.KVHeads
	case LevelToken:
		rows, g.units = c.Layers*c.KVHeads, 1
	}
	low, high := shaders.Outliers(c.Alpha, rows*c.HeadDim)
	g.layout = shaders.Layout{Type: c.Type.shader(), HeadDim: c.HeadDim, Rows: rows, Low: low, High: high}
	if err := g.layout.Check(); err != nil {
		return g, fmt.Errorf("backend: level %s: %w: %w", c.Level, err, policy.ErrConfig)
	}
	g.pageGroups = c.PageTokens * g.tokenGroups
	if n := g.pageGroups * g.layout.Group(); n > shaders.MaxPage {
		return g, fmt.Errorf("backend: page of %d tokens, %d elements: must be at most %d: %w", c.PageTokens, n, shaders.MaxPage, policy.ErrConfig)
	}
	g.layerWords = c.KVHeads * g.layout.RawRowWords()
	g.tokenWords = c.Layers * g.layerWords
	g.slots = roundUp(c.Window+c.PageTokens-1+c.MaxAppend, c.PageTokens)
	g.slotStride = g.layout.SlotWords()
	if g.slotStride >= wideSlot {
		g.slotStride = roundUp(g.slotStride, device.MinimumLimits.ViewAlign)
	}
	return g, nil
}

// wideSlot is the words from which on slots begin at aligned places: the common
// multiple of their stride and the alignment stays small.
const wideSlot = 512

// slotWords are the words of a token in the ring: its K rows, then its V rows,
// each in the order [layer][KV head][D].
func (g *geometry) slotWords() int { return 2 * g.tokenWords }

// ringAt is the word in the ring of a token's rows of a kind from a layer on.
func (g *geometry) ringAt(token int, k shaders.Kind, layer int) int {
	return token%g.slots*g.slotWords() + int(k)*g.tokenWords + layer*g.layerWords
}

// tokenOf is the token of a group of a page.
func (g *geometry) tokenOf(p pageID, group int) int {
	return p.chunk*g.pageTokens + group/g.tokenGroups
}

// unitOf is the unit of a layer.
func (g *geometry) unitOf(layer int) int { return min(layer, g.units-1) }

// unitLayers are the layers of a unit, from and up to.
func (g *geometry) unitLayers(unit int) (from, to int) {
	if g.units == g.layers {
		return unit, unit + 1
	}
	return 0, g.layers
}

// groupHeads are the KV heads of a token's group, from and up to.
func (g *geometry) groupHeads(group int) (from, to int) {
	if g.layout.Rows == 1 {
		return group, group + 1
	}
	return 0, g.heads
}

func lcm(a, b int) int {
	x, y := a, b
	for y > 0 {
		x, y = y, x%y
	}
	return a / x * b
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
