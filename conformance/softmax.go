package conformance

import (
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// buildSoftmax makes probabilities of scores of any kind.
func buildSoftmax(c Case) (*program, error) {
	p, a := &program{}, c.Params.Attention
	scores := p.change("scores", c.scores())
	c.Params.addSoftmax(p, p.input("frame", a.frame()), scores)
	return p, nil
}

// scores are what score may give: no subnormal numbers, nothing above
// 2^108.
func (c Case) scores() []uint32 {
	a := c.Params.Attention
	words := slices.Repeat([]uint32{unwritten}, a.scoresWords())
	g := &generator{rng: c.rng(5), typ: shaders.TypeF32, out: make([]uint32, a.Tokens-a.Base)}
	for v := range a.heads() * a.vectors() {
		fillGroup(c.Params.Data, g, v)
		for i, bits := range g.out {
			switch exponent := bits >> 23 & 255; {
			case exponent == 0:
				bits = 0
			case exponent > 127+107:
				bits = bits&0x807fffff | (127+107)<<23
			}
			words[a.scoreAt(v, a.Base+i)] = bits
		}
	}
	return words
}

// addSoftmax adds the softmax of scores, in place, to a program.
func (p Params) addSoftmax(prog *program, frame, scores int) {
	a := p.Attention
	push := shaders.SoftmaxPush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), PerHead: uint32(a.PerHead),
		Stride: uint32(a.stride()), Window: uint32(a.Window),
	}
	spec := p.spec(shaders.Softmax, 0)
	pipeline := shaders.Pipeline{Kernel: shaders.Softmax, Spec: shaders.ParseSpec(spec)}
	prog.run(shaders.Softmax, spec, push.Bytes(), int(shaders.SoftmaxWorkgroups(pipeline, a.heads()*a.tiles())), frame, scores)
}
