package core

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Ring is the buffer of a recent window: [slot][K, V][layer][KV head][D] of the cache's
// type, where token t lies in slot t mod Tokens.
type Ring struct {
	device.Buffer
	Tokens int // that it has room for, whole pages
}

// At is the word of a token's rows of a kind from a layer on.
func (r Ring) At(g *Geometry, token int, k shaders.Kind, layer int) int {
	return token%r.Tokens*g.TokenWords + int(k)*g.KindWords + layer*g.LayerWords
}

// Run is how many of the tokens token..end lie side by side.
func (r Ring) Run(token, end int) int { return min(end-token, r.Tokens-token%r.Tokens) }

// RingTokens are the tokens that a ring has room for, of which so many are to be in it:
// whole pages.
func (g *Geometry) RingTokens(tokens int) int { return RoundUp(tokens, g.PageTokens) }

// WholeRing are the tokens of a ring in which any steps leave as many tokens behind the
// recent window as a step has.
func (g *Geometry) WholeRing() int {
	return g.RingTokens(g.Recent + g.PageTokens - 1 + g.MaxStepTokens)
}
