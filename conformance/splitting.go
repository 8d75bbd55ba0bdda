package conformance

import (
	"fmt"
	"slices"
)

// buildSplitting checks on the device that the bits of attention depend on no
// size of tile, workgroup, part or dispatch, and on no other query: each
// variant of the case must give the case's output rows.
func buildSplitting(c Case) (*program, error) {
	s, err := c.sequenceOf()
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.add(p)
	s.in.rows = p.input("query.rows", c.queryRows())
	out, importance := c.addAttend(p, s, 0)
	n := c.Params.Attention.Queries
	for _, v := range c.Params.variants() {
		other := *s
		other.params = v.params
		got, same := c.addAttend(p, &other, 0)
		p.equal = append(p.equal,
			equality{v.what, got, out, rowPad, rowPad, n * c.Params.outQuery()},
			equality{v.what, same, importance, 0, 0, len(p.buffers[importance].words)})
	}
	for _, i := range slices.Compact([]int{0, n / 2, n - 1}) {
		c.addAlone(p, s, i, out)
	}
	return p, c.addRing(p, s, out)
}

// variant is other choices that must not show.
type variant struct {
	what   string
	params Params
}

// usualTile is the tile of the cases that also choose workgroups and what is staged: each choice is a pipeline to compile, so one size must do.
const usualTile = 2

func (p Params) variants() []variant {
	var out []variant
	add := func(what string, change func(*Params, *Attention)) {
		v, a := p, *p.Attention
		v.Attention = &a
		change(&v, &a)
		out = append(out, variant{what, v})
	}
	for _, tile := range []int{1, 2, 4, 8, 12, 16} { // up to the case's or 2: large ones take long to compile
		if own := p.Attention.Tile; tile != own && tile <= max(own, 2) {
			add(fmt.Sprintf("tile of %d", tile), func(_ *Params, a *Attention) { a.Tile = tile })
		}
	}
	for count := 1; count < p.Attention.Heads; count++ {
		add(fmt.Sprintf("%d KV heads a dispatch", count), func(_ *Params, a *Attention) { a.HeadCount = count })
	}
	if p.Attention.Tile == usualTile {
		add("staged or not", func(_ *Params, a *Attention) { a.Staged = 1 - a.Staged })
		add("workgroup of 32", func(p *Params, _ *Attention) { p.Workgroup = 32 })
	}
	if len(p.Attention.Parts) == 0 {
		return out
	}
	add("one part", func(_ *Params, a *Attention) { a.Parts = a.Parts[len(a.Parts)-1:] })
	add("a part a page", func(_ *Params, a *Attention) {
		end := a.paged()
		a.Parts = nil
		for t := a.First + a.PageTokens; t < end; t += a.PageTokens {
			a.Parts = append(a.Parts, t)
		}
		a.Parts = append(a.Parts, end)
	})
	if p.Attention.Base > 0 {
		add("scores of all tokens", func(_ *Params, a *Attention) { a.Base = 0 })
	}
	return out
}

// addAlone adds the law that query i alone, when the sequence had no tokens
// behind it, gives the same rows.
func (c Case) addAlone(p *program, s *sequence, i, out int) {
	other, a := *s, *s.params.Attention
	a.Tokens += i + 1 - a.Queries
	a.Queries, a.VectorFirst, a.VectorEnd = 1, 0, 0
	other.params.Attention = &a
	got, _ := c.addAttend(p, &other, i)
	row := s.params.outQuery()
	p.equal = append(p.equal, equality{fmt.Sprintf("arrange_queries %d alone", i), got, out, rowPad, rowPad + i*row, row})
}

// addRing adds the law that raw rows give the same from the ring.
func (c Case) addRing(p *program, s *sequence, out int) error {
	if s.params.Bits != "16" {
		return nil
	}
	a := *s.params.Attention
	a.Parts, a.Slots = nil, a.Tokens-a.First+1
	c.Params.Attention, c.Params.Pages = &a, 0
	ring, err := c.sequenceOf()
	if err != nil {
		return err
	}
	ring.add(p)
	ring.in.rows = s.in.rows
	got, _ := c.addAttend(p, ring, 0)
	p.equal = append(p.equal, equality{"all in the ring", got, out, rowPad, rowPad, a.Queries * s.params.outQuery()})
	return nil
}

// outQuery is the words of a query's output rows.
func (p Params) outQuery() int { return p.Attention.Heads * p.Attention.PerHead * p.outRow() }
