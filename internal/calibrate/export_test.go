package calibrate

import "github.com/qaqvk/qaqvk/backend/profile"

// Moments returns mean and covariance of rows [n][d] of positions from to to, with
// gradients or nil; keys are turned by rope.
func Moments(rope *profile.RoPE, rows, gradients []float32, d, from, to int) (mean, covariance []float64) {
	m := newMoments(d, len(rows)/d)
	if rope != nil {
		m.turns = newTurns(*rope, to)
	}
	m.add(rows, gradients, d, from, to)
	delta := m.mean()
	covariance = m.covariance(delta)
	for e := range delta {
		delta[e] += m.shift[e]
	}
	return delta, covariance
}

// RowWeights returns the weights of rows from their gradients [n][d].
func RowWeights(gradients []float32, d int) []float64 { return rowWeights(gradients, d) }

// Codebook returns the tables for channel values.
func Codebook(values []float32) (book profile.Codebook) {
	book.Thresholds = thresholds()
	book.Distortion = make([]float32, profile.CodeBits+1)
	var c cells
	for _, z := range values {
		c.add(z, book.Thresholds)
	}
	c.tables(&book)
	return book
}

// Sampled returns how many rows of windows of n rows are in the sample when nobody knew
// how many there would be, and how many of each window.
func Sampled(d, n, windows int, rows func() []float32) (size int, from []int) {
	m := newMoments(d, 0)
	var all [][]float32
	for range windows {
		all = append(all, rows())
		m.add(all[len(all)-1], nil, d, 0, n)
	}
	from = make([]int, windows)
	for i := range m.pages {
		for w, x := range all {
			for r := range n {
				if float32(float64(x[r*d])-m.shift[0]) == m.sample[i*d] {
					from[w]++
				}
			}
		}
	}
	return len(m.pages), from
}

// Average returns a matrix averaged over the windows of a context.
func Average(rope profile.RoPE, window, context int, matrix []float64, d int) []float64 {
	return newShifts(rope, window, context).average(matrix, d)
}
