package core

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// Shape is what a cache holds and how its pages group rows.
type Shape struct {
	Layers, KVHeads, QueryHeads, HeadDim int
	Capacity                             int // most tokens of a sequence
	Recent                               int // newest tokens kept as they came
	Queries                              int // newest queries that importance looks at
	MaxStepTokens                        int // most tokens of a step
	PageTokens                           int // tokens of a page
	Type                                 uint32
	OutlierFraction                      float64
	GroupHeads                           bool // the KV heads of a token in a layer share a group
	GroupLayers                          bool // those of all layers do
	Calibrated                           bool // pages are records of the calibrated codec; GroupHeads is set
}

// Geometry has the sizes of a cache that follow from its Shape.
//
// A page has PageTokens consecutive tokens of a layer group: of one layer, or of
// all layers where groups span them. Words are 32-bit words of the cache's type.
type Geometry struct {
	Shape
	Layout      shaders.Layout
	LayerGroups int // pages of a kind and page index
	TokenGroups int // groups of a token in a page
	PageGroups  int // groups of a page
	LayerWords  int // rows of a token in a layer, one kind
	KindWords   int // rows of a token in all layers, one kind
	TokenWords  int // rows of a token: its K rows, then its V rows
	SlotStride  int // words from slot to slot of encode
}

// NewGeometry derives the sizes. viewAlign is the multiple of words at which
// every device lets views begin.
func NewGeometry(s Shape, viewAlign int) (*Geometry, error) {
	g := &Geometry{Shape: s, LayerGroups: s.Layers, TokenGroups: s.KVHeads}
	rows := 1
	switch {
	case s.GroupLayers:
		rows, g.LayerGroups, g.TokenGroups = s.Layers*s.KVHeads, 1, 1
	case s.GroupHeads:
		rows, g.TokenGroups = s.KVHeads, 1
	}
	low, high := shaders.Outliers(s.OutlierFraction, rows*s.HeadDim)
	g.Layout = shaders.Layout{Type: s.Type, HeadDim: s.HeadDim, Rows: rows, Low: low, High: high}
	if err := g.Layout.Check(); err != nil {
		return nil, err
	}
	g.PageGroups = s.PageTokens * g.TokenGroups
	if n := g.PageGroups * g.Layout.Group(); n > shaders.MaxPage {
		return nil, fmt.Errorf("page of %d tokens, %d elements: must be at most %d", s.PageTokens, n, shaders.MaxPage)
	}
	g.LayerWords = s.KVHeads * g.Layout.RawRowWords()
	g.KindWords = s.Layers * g.LayerWords
	g.TokenWords = 2 * g.KindWords
	g.SlotStride = g.Layout.SlotWords()
	if g.SlotStride >= wideSlot {
		g.SlotStride = RoundUp(g.SlotStride, viewAlign)
	}
	return g, nil
}

// wideSlot is the words from which on slots begin at aligned places: the common
// multiple of their stride and the alignment stays small.
const wideSlot = 512

// TokenOf is the token of a group of a page.
func (g *Geometry) TokenOf(page, group int) int {
	return page*g.PageTokens + group/g.TokenGroups
}

// LayerGroup is the layer group of a layer.
func (g *Geometry) LayerGroup(layer int) int { return min(layer, g.LayerGroups-1) }

// LayersOf are the layers of a layer group, from and up to.
func (g *Geometry) LayersOf(layerGroup int) (from, to int) {
	if g.LayerGroups == g.Layers {
		return layerGroup, layerGroup + 1
	}
	return 0, g.Layers
}

// HeadsOf are the KV heads of a token's group, from and up to.
func (g *Geometry) HeadsOf(group int) (from, to int) {
	if g.Layout.Rows == 1 {
		return group, group + 1
	}
	return 0, g.KVHeads
}

// QueriesPerHead are the query heads of a KV head.
func (g *Geometry) QueriesPerHead() int { return g.QueryHeads / g.KVHeads }

// WholePages are the whole pages of tokens that have left the recent window of a
// sequence of so many.
func (g *Geometry) WholePages(tokens int) int { return max(0, (tokens-g.Recent)/g.PageTokens) }

// LCM is the least common multiple.
func LCM(a, b int) int {
	x, y := a, b
	for y > 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// RoundUp is the next multiple of unit from n on.
func RoundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
