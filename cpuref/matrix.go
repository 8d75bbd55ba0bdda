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

// matrix is that of a head, turned to a stretch: rows of d numbers, and the scale of
// each channel.
type matrix struct {
	rows, scales []float32
}

// forwardOf returns the forward matrix of a head, [channel][element].
func (t *tables) forwardOf(l shaders.Layout, h int, p pairing, stretch []float32) matrix {
	m, d := headOf(t.forward, l, h), l.HeadDim
	row := make([]float32, d)
	for c := range d {
		copy(row, m.rows[c*d:])
		p.turn(row, stretch, m.rows[c*d:][:d])
	}
	return m
}

// inverseOf returns the inverse of a head, [element][channel].
func (t *tables) inverseOf(l shaders.Layout, h int, p pairing, stretch []float32) matrix {
	m, d := headOf(t.inverse, l, h), l.HeadDim
	column, turned := make([]float32, d), make([]float32, d)
	for c := range d {
		for e := range column {
			column[e] = m.rows[e*d+c]
		}
		p.turn(column, stretch, turned)
		for e, x := range turned {
			m.rows[e*d+c] = x
		}
	}
	return m
}

// headOf returns the part that a head has of matrices, as it is.
func headOf(m shaders.Matrix, l shaders.Layout, h int) matrix {
	n := l.HeadDim * l.HeadDim
	out := matrix{make([]float32, n), m.Scales[h*l.HeadDim:][:l.HeadDim]}
	for i, b := range m.Bytes[h*n:][:n] {
		out.rows[i] = float32(b)
	}
	return out
}
