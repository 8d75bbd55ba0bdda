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
