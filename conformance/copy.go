package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildCopy copies Groups vectors of four words, and not those behind them.
func buildCopy(c Case) (*program, error) {
	rng, n := c.rng(1), c.Params.Groups
	words := make([]uint32, 4*n+8)
	for i := range words {
		words[i] = rng.Uint32()
	}
	p := &program{}
	src, dst := p.input("src", words), p.result("dst", 4*n+8)
	p.run(shaders.Copy, c.Params.spec(shaders.Copy, 0), shaders.CopyPush{Vectors: uint32(n)}.Bytes(),
		c.Params.workgroups(n, 1), src, dst)
	return p, nil
}
