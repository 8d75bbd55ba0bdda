package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildArrangeQueries arranges query rows.
func buildArrangeQueries(c Case) (*program, error) {
	p := &program{}
	c.Params.addArrangeQueries(p, p.input("rows", c.queryRows()), 0)
	return p, nil
}

// queryRows are rows [n][QH][D] behind rowPad words.
func (c Case) queryRows() []uint32 {
	p, a := c.Params, c.Params.Attention
	row := shaders.Layout{Type: typeOf(p.Type), HeadDim: p.HeadDim}.RawRowWords()
	rows := a.vectors() * a.Heads
	words := make([]uint32, rowPad+rows*row+rowPad)
	for i := range words {
		words[i] = unwritten
	}
	g := &generator{rng: c.rng(5), typ: typeOf(p.Type), out: make([]uint32, p.HeadDim)}
	for n := range rows {
		fillGroup(a.QueryData, g, n)
		packElements(g.typ, g.out, words[rowPad+n*row:rowPad+(n+1)*row])
	}
	return words
}

// addArrangeQueries adds the arranging of the rows of query from and on, as many as
// there are, to a program and returns the buffer.
func (p Params) addArrangeQueries(prog *program, rows, from int) int {
	a := p.Attention
	row := shaders.Layout{Type: typeOf(p.Type), HeadDim: p.HeadDim}.RawRowWords()
	push := shaders.ArrangeQueriesPush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), PerHead: uint32(a.PerHead),
		RowHeads: uint32(a.Heads * a.PerHead), Scale: p.scaleOf(),
		RowFirst: uint32(rowPad + (from*a.Heads+a.HeadFirst)*a.PerHead*row),
	}
	out := prog.result("queries", a.heads()*a.tiles()*shaders.TileWords(p.HeadDim, a.Tile))
	prog.run(shaders.ArrangeQueries, p.spec(shaders.ArrangeQueries, 0), push.Bytes(),
		p.workgroups(a.heads()*a.tiles()*shaders.Blocks(p.HeadDim), uint32(a.Tile)), rows, out)
	return out
}
