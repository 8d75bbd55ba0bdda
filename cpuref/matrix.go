package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// matrices returns the f16 of words, two in each, times a power of two.
func matrices(words []uint32, scale float32) []float32 {
	out := make([]float32, 0, 2*len(words))
	for _, w := range words {
		for _, half := range [2]uint32{w & 0xffff, w >> 16} {
			out = append(out, math.Float32frombits(widenF16(half))*scale)
		}
	}
	return out
}

// matrix returns the part of a head.
func matrix(all []float32, l shaders.Layout, h int) []float32 {
	n := l.HeadDim * l.HeadDim
	return all[h*n:][:n]
}
