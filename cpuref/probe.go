package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

const quietNaN = 0x7fc00000

// Probe returns for each operand triple (a, b, c) the bits of a+b, a-b, a*b and
// of a*b+c in two roundings, as IEEE 754 has them. Every NaN is 0x7fc00000.
func Probe(_ shaders.Spec, p shaders.ProbePush, operands, results []uint32) error {
	const k = kernel("probe")
	return try(func() {
		in := buffer{k, "operands", operands}.span(0, 3*uint64(p.Triples))
		out := buffer{k, "results", results}.span(0, 4*uint64(p.Triples))
		for ; len(in) > 0; in, out = in[3:], out[4:] {
			a, b, c := math.Float32frombits(in[0]), math.Float32frombits(in[1]), math.Float32frombits(in[2])
			product := float32(a * b)
			out[0], out[1] = resultBits(a+b), resultBits(a-b)
			out[2], out[3] = resultBits(product), resultBits(product+c)
		}
	})
}

func resultBits(x float32) uint32 {
	if x != x {
		return quietNaN
	}
	return math.Float32bits(x)
}
