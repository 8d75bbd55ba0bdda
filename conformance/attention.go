package conformance

import (
	"fmt"
	"strings"

	"github.com/qaqvk/qaqvk/shaders"
)

// Attention is what a case of the attention kernels runs on, besides the
// parameters that all kernels have: Data is of the
// stored rows (of scores, probabilities or partials where a kernel starts with
// those), Out of the output rows.
type Attention struct {
	Level       string  `json:"level,omitempty"`        // of the groups: head, layer or token
	Heads       int     `json:"heads,omitempty"`        // KV heads, H
	HeadFirst   int     `json:"head_first,omitempty"`   // first KV head of the (first) dispatch
	HeadCount   int     `json:"head_count,omitempty"`   // KV heads of a dispatch, 0: all from the first
	Layers      int     `json:"layers,omitempty"`       // L at level token, else what reduce_importance strides over; the last one is read
	PerHead     int     `json:"per_head,omitempty"`     // query heads of a KV head, g
	Queries     int     `json:"queries,omitempty"`      // n
	Tile        int     `json:"tile,omitempty"`         // QUERIES
	Tokens      int     `json:"tokens,omitempty"`       // T
	First       int     `json:"first,omitempty"`        // first token that is stored
	PageTokens  int     `json:"page_tokens,omitempty"`  // tokens of a page
	Parts       []int   `json:"parts,omitempty"`        // behind the last token of each part that lies in pages
	Slots       int     `json:"slots,omitempty"`        // tokens of the ring, which has the tokens behind the pages
	Base        int     `json:"base,omitempty"`         // first token that scores hold
	Window      int     `json:"window,omitempty"`       // sliding window, 0 for none
	Staged      uint32  `json:"staged,omitempty"`       // score has queries of so many tiles in shared memory; 1: weighted_sum has rows
	Cap         float32 `json:"cap,omitempty"`          // soft cap, 0 for none
	Scale       float32 `json:"scale,omitempty"`        // of queries; 0: 1/sqrt(D)
	QueryData   string  `json:"query_data,omitempty"`   // values of the query rows: see data.go
	VectorFirst int     `json:"vector_first,omitempty"` // first vector that counts for importance
	VectorEnd   int     `json:"vector_end,omitempty"`   // behind the last one that counts, 0: all count
	Keep        uint32  `json:"keep,omitempty"`         // 1: old importance stays where it is larger
	Kept        int     `json:"kept,omitempty"`         // rows of importance that reduce_importance reads
	Seen        int     `json:"seen,omitempty"`         // tokens that enough queries saw, one more for odd pages
	One         uint32  `json:"one,omitempty"`          // 1: weights are 1
	Decay       *Decay  `json:"decay,omitempty"`        // for the kernels of decayed importance
}

// String is e.g. "token-h3l2/g4/n5/q8/t700/p16/parts300,512/ring256".
func (a *Attention) String() string {
	var parts []string
	add := func(present bool, format string, args ...any) {
		if present {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	name := fmt.Sprintf("h%d", a.Heads)
	if a.Layers > 0 {
		name += fmt.Sprintf("l%d", a.Layers)
	}
	add(a.Level != "", "%s", a.Level)
	add(true, "%s", name)
	add(a.HeadFirst > 0, "heads-from%d", a.HeadFirst)
	add(a.HeadCount > 0, "heads-by%d", a.HeadCount)
	add(a.PerHead > 0, "g%d", a.PerHead)
	add(a.Queries > 0, "n%d", a.Queries)
	add(a.Tile > 0, "q%d", a.Tile)
	add(a.Tokens > 0, "t%d", a.Tokens)
	add(a.First > 0, "first%d", a.First)
	add(a.PageTokens > 0, "p%d", a.PageTokens)
	add(len(a.Parts) > 0, "parts%s", strings.ReplaceAll(strings.Trim(fmt.Sprint(a.Parts), "[]"), " ", ","))
	add(a.Slots > 0, "ring%d", a.Slots)
	add(a.Base > 0, "base%d", a.Base)
	add(a.Window > 0, "window%d", a.Window)
	add(a.Staged == 1, "staged")
	add(a.Staged > 1, "staged%d", a.Staged)
	add(a.Cap > 0, "cap%v", a.Cap)
	add(a.Scale > 0, "scale%v", a.Scale)
	add(a.QueryData != "", "queries-%s", a.QueryData)
	add(a.VectorFirst > 0, "from%d", a.VectorFirst)
	add(a.VectorEnd > 0, "to%d", a.VectorEnd)
	add(a.Keep > 0, "keep")
	add(a.Kept > 0, "kept%d", a.Kept)
	add(a.Seen > 0, "seen%d", a.Seen)
	add(a.One > 0, "one")
	add(a.Decay != nil, "%v", a.Decay)
	return strings.Join(parts, "/")
}

// paged is the token behind the last one in pages.
func (a *Attention) paged() int {
	if len(a.Parts) == 0 {
		return a.First
	}
	return a.Parts[len(a.Parts)-1]
}

// check fails for what no sequence can be.
func (a *Attention) check() error {
	for i, end := range a.Parts {
		from := a.First
		if i > 0 {
			from = a.Parts[i-1]
		}
		if end <= from || (from-a.First)%max(a.PageTokens, 1) != 0 {
			return fmt.Errorf("part %d: tokens %d to %d: must begin with a page of %d and have tokens", i, from, end, a.PageTokens)
		}
	}
	if p := a.paged(); a.Slots > 0 && a.Tokens-p > a.Slots || p > a.Tokens {
		return fmt.Errorf("%d tokens, %d before the end of the pages: at most %d more fit the ring", a.Tokens, p, a.Slots)
	}
	if a.HeadFirst+a.HeadCount > a.Heads || a.HeadFirst < 0 || a.HeadCount < 0 {
		return fmt.Errorf("KV heads %d to %d: there are %d", a.HeadFirst, a.HeadFirst+a.HeadCount, a.Heads)
	}
	if a.Queries > a.Tokens || a.Base > a.Tokens || a.Base%shaders.SplitTokens != 0 {
		return fmt.Errorf("%d tokens: %d queries from token %d: must be fewer, from a multiple of %d", a.Tokens, a.Queries, a.Base, shaders.SplitTokens)
	}
	return nil
}

// withAttention hands a builder cases whose groups follow from their attention.
func withAttention(b builder) builder {
	return func(c Case) (p *program, err error) {
		if c.Params.Attention == nil {
			return nil, fmt.Errorf("no parameters of attention")
		}
		if c.Params, err = c.Params.withGroups(); err != nil {
			return nil, err
		}
		if c.Params.HeadDim > 0 {
			if err := c.Params.check(); err != nil {
				return nil, err
			}
		}
		return b(c)
	}
}

// withGroups are the parameters with the groups and pages that follow from
// those of attention.
func (p Params) withGroups() (Params, error) {
	a := p.Attention
	if err := a.check(); err != nil {
		return p, err
	}
	switch a.Level {
	case "head":
		p.Rows, p.GroupsPerToken = 1, a.Heads
	case "layer":
		p.Rows, p.GroupsPerToken = a.Heads, 1
	case "token":
		p.Rows, p.GroupsPerToken = a.Heads*max(a.Layers, 1), 1
		p.RowFirst = p.Rows - a.Heads
	case "":
		p.Rows = 1
		return p, nil
	default:
		return p, fmt.Errorf("level %q: must be head, layer or token", a.Level)
	}
	p.Groups = a.PageTokens * p.GroupsPerToken
	p.Pages = a.pages(a.paged())
	return p, nil
}
