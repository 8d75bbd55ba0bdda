package eval

import (
	"math"
	"slices"
)

// block is how many consecutive tokens count as one where a confidence interval
// is computed: neighbours in a text are not independent.
const block = 64

// z is the quantile of the normal distribution for 95 %.
const z = 1.959964

func mean(values []float64) float64 {
	var sum float64
	for _, x := range values {
		sum += x
	}
	return sum / float64(len(values))
}

// halfWidth is half the width of the 95 % confidence interval of the mean of
// independent values; 0 of fewer than two.
func halfWidth(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	m, sum := mean(values), 0.0
	for _, x := range values {
		sum += (x - m) * (x - m)
	}
	n := float64(len(values))
	return z * math.Sqrt(sum/(n-1)/n)
}

// blocks are the means of consecutive values, the last of fewer where they do not
// fill a block.
func blocks(values []float64) (out []float64) {
	for b := range slices.Chunk(values, block) {
		out = append(out, mean(b))
	}
	return out
}

// quantile sorts values and interpolates linearly between the nearest two.
func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	at := q * float64(len(values)-1)
	low := int(at)
	high := min(low+1, len(values)-1)
	return values[low] + (at-float64(low))*(values[high]-values[low])
}

func doubles(values []float32) (out []float64) {
	for _, x := range values {
		out = append(out, float64(x))
	}
	return out
}
