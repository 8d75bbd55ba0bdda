package peers

import "math"

// q4Hadamard is q4_0 of rows that were turned by a Hadamard matrix, as llama.cpp
// does for a quantized cache since April 2026. There Q is turned too, and the
// output is turned back; turning what comes back is the same.
func q4Hadamard(s Shape) (*Codec, error) {
	c, err := blocks(s, q4Bits, q4)
	if err != nil {
		return nil, err
	}
	width := rotation(s.HeadDim)
	for k, code := range c.code {
		c.code[k] = func(layer, first int, rows []float32) {
			hadamard(rows, width)
			code(layer, first, rows)
			hadamard(rows, width)
		}
	}
	return c, nil
}

// q4HadamardMean is q4Hadamard of K less the mean key of each head, turned to the
// token's position: the mean is the model's and takes no bits. The first tokens
// stay as they came: their keys, which draw attention without saying anything, are
// far from the mean.
func q4HadamardMean(s Shape) (*Codec, error) {
	c, err := q4Hadamard(s)
	if err != nil {
		return nil, err
	}
	c.Sinks = 4
	code, row := c.code[0], s.row()
	c.code[0] = func(layer, first int, rows []float32) {
		mean := make([]float32, len(rows))
		for t := 0; t*row < len(rows); t++ {
			s.Mean(layer, first+t, mean[t*row:(t+1)*row])
		}
		for i, m := range mean {
			rows[i] -= m
		}
		code(layer, first, rows)
		for i, m := range mean {
			rows[i] += m
		}
	}
	return c, nil
}

// rotation is the largest power of two that divides a head: heads are turned in
// parts of so many elements.
func rotation(headDim int) int { return headDim & -headDim }

// hadamard multiplies each part of width elements by the Hadamard matrix over
// √width, which is its own inverse.
func hadamard(rows []float32, width int) {
	scale := float32(1 / math.Sqrt(float64(width)))
	for at := 0; at < len(rows); at += width {
		part := rows[at : at+width]
		for half := 1; half < width; half *= 2 {
			for i := 0; i < width; i += 2 * half {
				for j := i; j < i+half; j++ {
					a, b := part[j], part[j+half]
					part[j], part[j+half] = a+b, a-b
				}
			}
		}
		for i := range part {
			part[i] *= scale
		}
	}
}
