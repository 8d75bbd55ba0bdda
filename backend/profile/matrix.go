package profile

import (
	"fmt"
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// mostByte is the largest of the whole numbers that elements of matrices are.
const mostByte = 127

// newMatrix returns zeros for so many channels.
func newMatrix(channels, elements int) shaders.Matrix {
	return shaders.Matrix{Bytes: make([]int8, channels*elements), Scales: make([]float32, channels)}
}

// partOf returns part i of parts of so many channels.
func partOf(m shaders.Matrix, i, channels, elements int) shaders.Matrix {
	n := channels * elements
	return shaders.Matrix{Bytes: m.Bytes[i*n:][:n], Scales: m.Scales[i*channels:][:channels]}
}

// Forward returns A, [D channels][D].
func (h Head) Forward() []float32 {
	out, d := make([]float32, len(h.Matrix.Bytes)), len(h.Mean)
	for i, b := range h.Matrix.Bytes {
		out[i] = float32(b) * h.Matrix.Scales[i/d]
	}
	return out
}

// Backward returns A⁻¹, [D][D channels].
func (h Head) Backward() []float32 {
	out, d := make([]float32, len(h.Inverse.Bytes)), len(h.Mean)
	for i, b := range h.Inverse.Bytes {
		out[i] = float32(b) * h.Inverse.Scales[i%d]
	}
	return out
}

// SetForward rounds A, [D channels][D], to whole numbers of each channel's largest
// element over 127.
func (h Head) SetForward(a []float32) {
	d := len(h.Mean)
	for c := range d {
		roundChannel(h.Matrix, a, c, c*d, 1)
	}
}

// SetBackward rounds A⁻¹, [D][D channels], in the same way.
func (h Head) SetBackward(inverse []float32) {
	for c := range h.Mean {
		roundChannel(h.Inverse, inverse, c, c, len(h.Mean))
	}
}

// roundChannel rounds the elements of a channel, stride apart from element first on.
func roundChannel(m shaders.Matrix, x []float32, channel, first, stride int) {
	n, most := len(m.Scales), float32(0)
	for i := range n {
		v := x[first+i*stride]
		most = max(most, v, -v)
	}
	scale := most / mostByte
	m.Scales[channel] = scale
	for i := range n {
		at := first + i*stride
		m.Bytes[at] = 0
		if scale > 0 {
			m.Bytes[at] = int8(min(max(math.Round(float64(x[at])/float64(scale)), -mostByte), mostByte))
		}
	}
}

// checkMatrix checks matrices of so many channels.
func checkMatrix(name string, m shaders.Matrix, channels, elements int) error {
	if len(m.Bytes) != channels*elements || len(m.Scales) != channels {
		return fmt.Errorf("%s has %d elements and %d scales, want %d and %d: %w", name, len(m.Bytes), len(m.Scales), channels*elements, channels, ErrFormat)
	}
	if i := slices.Index(m.Bytes, math.MinInt8); i >= 0 {
		return fmt.Errorf("%s[%d] is -128, want -127 to 127: %w", name, i, ErrFormat)
	}
	if i := slices.IndexFunc(m.Scales, func(x float32) bool { return !(x >= 0) || notFinite(x) }); i >= 0 {
		return fmt.Errorf("%s[%d] is %v, want 0 or more: %w", name+scaleSuffix, i, m.Scales[i], ErrFormat)
	}
	return nil
}
