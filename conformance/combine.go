package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildCombine sums any partials.
func buildCombine(c Case) (*program, error) {
	p := &program{}
	partials := p.input("partials", c.partials())
	frame := p.input("frame", c.Params.Attention.frame())
	c.Params.addCombine(p, frame, partials, p.result("rows", c.Params.outWords()))
	return p, nil
}

// partials are zeros and numbers of 2^-80 to 2^88 in magnitude.
func (c Case) partials() []uint32 {
	a, rng := c.Params.Attention, c.rng(8)
	words := make([]uint32, a.splits()*a.heads()*a.vectors()*c.Params.HeadDim)
	for i := range words {
		r := rng.Uint32()
		exponent := uint32(127 - 8 + r>>3%16)
		switch r % 8 {
		case 0:
			continue
		case 1:
			exponent = uint32(127 - 80 + rng.IntN(168))
		case 2:
			exponent = uint32(127 - 26 + rng.IntN(14)) // subnormal in f16
		}
		words[i] = rng.Uint32()&0x807fffff | exponent<<23
	}
	return words
}

// addCombine adds the sums of partials to a program.
func (p Params) addCombine(prog *program, frame, partials, out int) {
	a := p.Attention
	push := shaders.CombinePush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), PerHead: uint32(a.PerHead),
		RowHeads: uint32(a.Heads * a.PerHead), RowFirst: uint32(rowPad + a.HeadFirst*a.PerHead*p.outRow()),
	}
	words := a.heads() * a.vectors() * p.outRow()
	prog.run(shaders.Combine, p.spec(shaders.Combine, 0), push.Bytes(), p.workgroups(words, 1), frame, partials, out)
}

// outRow is the words of an output row.
func (p Params) outRow() int {
	return shaders.Layout{Type: typeOf(p.Out), HeadDim: p.HeadDim}.RawRowWords()
}

// outWords is the words of all output rows, with some before and behind them.
func (p Params) outWords() int {
	return rowPad + p.Attention.Heads*p.Attention.vectors()*p.outRow() + rowPad
}
