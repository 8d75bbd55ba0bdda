package pages

import (
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Align is the multiple of words at which pages begin.
const Align = shaders.Align

// ID names a page of a sequence: its kind, its layer group and its number, which
// counts the pages of PageTokens tokens.
type ID struct {
	Kind             shaders.Kind
	LayerGroup, Page int
}

// Pair is a page of K and the page of V of the same tokens, side by side in a
// segment.
type Pair struct {
	Segment *Segment
	Pages   [2]Span
	holders int // tables that have it
}

// Span is all that a pair takes.
func (p *Pair) Span() Span {
	return Span{p.Pages[shaders.Key].At, core.RoundUp(p.Pages[shaders.Value].end(), Align) - p.Pages[shaders.Key].At}
}

// Sizes are the words of its pages.
func (p *Pair) Sizes() Sizes {
	return Sizes{p.Pages[shaders.Key].Words, p.Pages[shaders.Value].Words}
}

// Sizes are the words of the pages of a pair.
type Sizes [2]int

// Words are the words that a pair of such pages takes.
func (s Sizes) Words() int { return core.RoundUp(s[0], Align) + core.RoundUp(s[1], Align) }

// at says where the pages of a pair lie that begins at a word.
func (s Sizes) at(word int) [2]Span {
	return [2]Span{{word, s[0]}, {word + core.RoundUp(s[0], Align), s[1]}}
}

// words are the words of pairs.
func words(pairs []*Pair) (n int) {
	for _, p := range pairs {
		n += p.Span().Words
	}
	return n
}
