package calibrate

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// unit is what magnitudes and coefficients count.
const unit = 1. / 32

// curveBits is the first number of bits whose values are on the curve.
const curveBits = 4

// faint is the share of all values that a code counts at least as when the curve is
// laid, so that it goes through the middles of cells that nothing falls into.
const faint = 1e-7

// reconstruction rounds the means of the cells of few bits, and lays the curve
// through those of many.
func (c *cells) reconstruction(t []float32) (r shaders.Reconstruction) {
	next := 0
	for bits := 1; bits < curveBits; bits++ {
		for i := 1 << (bits - 1); i < 1<<bits; i++ {
			r.Magnitudes[next] = uint8(min(max(math.Round(c.mean(t, bits, i)/unit), 1), 127))
			next++
		}
	}
	r.Coefficients = c.curve(t)
	return r
}

// mean returns the mean of what has code i of bits; of what nothing has, the middle.
func (c *cells) mean(t []float32, bits, i int) float64 {
	n, sum := c.of(bits, i)
	if n == 0 {
		wide := codes >> bits
		return float64(middle(t, i*wide, (i+1)*wide))
	}
	return sum / n
}

// curve fits an odd polynomial of degree 7 in t, the middle of a code's share of
// -1..1, to the means of the codes of 4 to 8 bits: least squares, a code counting as
// the values that have it over the least error that its number of bits could leave.
func (c *cells) curve(t []float32) (out [4]float32) {
	left, right := mat.NewDense(4, 4, nil), mat.NewDense(4, 1, nil)
	total := c.total()
	for bits := curveBits; bits <= profile.CodeBits; bits++ {
		least := c.least(bits)
		for i := 1 << (bits - 1); i < 1<<bits; i++ {
			n, _ := c.of(bits, i)
			weight := max(n, faint*total) / max(least, faint*total)
			addPoint(left, right, float64(2*i+1)/float64(int(1)<<bits)-1, c.mean(t, bits, i), weight)
		}
	}
	var x mat.Dense
	if x.Solve(left, right) == nil {
		for i := range out {
			out[i] = float32(x.At(i, 0) / unit)
		}
	}
	return out
}

// least returns the squared error that values at the means of the cells would leave.
func (c *cells) least(bits int) float64 {
	lost := c.square
	for i := range 1 << bits {
		if n, sum := c.of(bits, i); n > 0 {
			lost -= sum * sum / n
		}
	}
	return lost
}

// addPoint adds to the normal equations that the curve be y at x.
func addPoint(left, right *mat.Dense, x, y, weight float64) {
	row := [4]float64{x, x * x * x, math.Pow(x, 5), math.Pow(x, 7)}
	for i, a := range row {
		for j, b := range row {
			left.Set(i, j, left.At(i, j)+weight*a*b)
		}
		right.Set(i, 0, right.At(i, 0)+weight*a*y)
	}
}
