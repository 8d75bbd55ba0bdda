package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// signedBytes returns the signed bytes of words, four in each.
func signedBytes(words []uint32) []int8 {
	out := make([]int8, 0, 4*len(words))
	for _, w := range words {
		out = append(out, int8(w), int8(w>>8), int8(w>>16), int8(w>>24))
	}
	return out
}

// headOf returns the part that a head has of matrices.
func headOf(m shaders.Matrix, l shaders.Layout, h int) shaders.Matrix {
	n := l.HeadDim * l.HeadDim
	return shaders.Matrix{Bytes: m.Bytes[h*n:][:n], Scales: m.Scales[h*l.HeadDim:][:l.HeadDim]}
}
