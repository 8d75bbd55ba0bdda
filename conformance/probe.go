package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildProbe makes operand triples whose results are all normal numbers: more
// is not promised by devices, and nothing else relies on more.
func buildProbe(c Case) (*program, error) {
	rng, n := c.rng(1), c.Params.Groups
	words := make([]uint32, 3*n)
	for i := range words {
		exponent := uint32(127 - 30 + rng.IntN(60))
		words[i] = rng.Uint32()&0x807fffff | exponent<<23
	}
	for i := 0; i+2 < len(words); i += 12 { // a*b + c that cancels: a fused one differs
		words[i+1] = words[i]
		words[i+2] = 0xbf800000 | words[i]>>16
	}
	p := &program{}
	operands, results := p.input("operands", words), p.result("results", 4*n+4)
	p.run(shaders.Probe, c.Params.spec(shaders.Probe, 0), shaders.ProbePush{Triples: uint32(n)}.Bytes(),
		c.Params.workgroups(n, 1), operands, results)
	return p, nil
}
