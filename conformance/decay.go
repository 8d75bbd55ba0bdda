package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/qaqvk/qaqvk/shaders"
)

// Decay is what cases of decayed importance run on, besides heads, queries and
// tokens: Attention.Layers layers, of which layer j has j tokens less.
type Decay struct {
	Block      int     `json:"block,omitempty"`       // queries of a block
	Fraction   uint32  `json:"fraction,omitempty"`    // bits behind the point
	Missing    int     `json:"missing,omitempty"`     // queries that the newest block lacks
	Blocks     int     `json:"blocks,omitempty"`      // blocks that ended since the last call
	Old        int     `json:"old,omitempty"`         // tokens that have importance
	QueryFirst int     `json:"query_first,omitempty"` // first query that counts
	QueryEnd   int     `json:"query_end,omitempty"`   // behind the last one that counts, 0: all count
	First      int     `json:"first,omitempty"`       // tokens at the beginning that are raw
	Stored     int     `json:"stored,omitempty"`      // tokens that may become sinks, or that enough queries saw
	Floor      float32 `json:"floor,omitempty"`       // of levels
	Shift      int     `json:"shift,omitempty"`       // of levels
	Data       string  `json:"data,omitempty"`        // of old importance: small, cut or zero, else any
}

// String is e.g. "block32/missing3/blocks2/old40/small".
func (d *Decay) String() string {
	var parts []string
	add := func(name string, n int) {
		if n != 0 {
			parts = append(parts, fmt.Sprint(name, n))
		}
	}
	add("block", d.Block)
	add("fraction", int(d.Fraction))
	add("missing", d.Missing)
	add("blocks", d.Blocks)
	add("old", d.Old)
	add("from", d.QueryFirst)
	add("to", d.QueryEnd)
	add("raw", d.First)
	add("stored", d.Stored)
	if d.Floor > 0 {
		parts = append(parts, fmt.Sprint("floor", d.Floor))
	}
	add("shift", d.Shift)
	return strings.Trim(strings.Join(append(parts, d.Data), "/"), "/")
}

// withDecay hands a builder cases that have what it needs.
func withDecay(b builder) builder {
	return withAttention(func(c Case) (*program, error) {
		if c.Params.Attention.Decay == nil {
			return nil, errors.New("no parameters of decay")
		}
		return b(c)
	})
}

// decayed makes the importance of so many tokens, two in a word; behind the last one
// lies some that counts for nothing.
func (d *Decay) decayed(rng *rand.Rand, tokens int) []uint32 {
	words := make([]uint32, shaders.ImportanceWords(tokens))
	for i := range words {
		words[i] = d.kept(rng) | d.kept(rng)<<16
	}
	return words
}

// mostKept is what is kept of MostImportance, and keptMark the mark of a sink there.
const (
	mostKept = 22<<shaders.ImportanceDigits - 1
	keptMark = shaders.SinkMark >> 16
)

// kept is what is kept of a token's importance. Of any, one in eight is marked.
func (d *Decay) kept(rng *rand.Rand) uint32 {
	switch w := rng.Uint32(); d.Data {
	case "zero":
		return 0
	case "small":
		return w >> 7 % 100
	case "cut":
		return mostKept - w%3
	default:
		return w>>16&(w>>17)&(w>>18)&keptMark | w%(mostKept+1)
	}
}

// layerWords are the words from layer to layer: more than tokens need.
func (a *Attention) layerWords() int { return shaders.ImportanceHeader + a.Tokens + 3 }

// layers makes the importance of all layers, whose headers are unwritten, behind
// some words more.
func (c Case) layers() []uint32 {
	a, rng := c.Params.Attention, c.rng(7)
	words := make([]uint32, importanceAt+max(a.Layers, 1)*a.layerWords())
	for i := range words {
		words[i] = unwritten
	}
	for j := range max(a.Layers, 1) {
		at := a.layerAt(j) + shaders.ImportanceHeader
		copy(words[at:], a.Decay.decayed(rng, max(0, a.Tokens-j)))
	}
	return words
}

// layerAt is the word of a layer's importance.
func (a *Attention) layerAt(layer int) int { return importanceAt + layer*a.layerWords() }
