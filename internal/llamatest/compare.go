package llamatest

import "math"

// Divergence is the KL divergence of the probabilities of two rows of logits, in nats.
func Divergence(p, q []float32) float64 {
	a, b, sum := logSum(p), logSum(q), 0.0
	for i := range p {
		lp, lq := float64(p[i])-a, float64(q[i])-b
		sum += math.Exp(lp) * (lp - lq)
	}
	return sum
}

// MeanDivergence is the mean over rows.
func MeanDivergence(p, q [][]float32) float64 {
	sum := 0.0
	for i := range p {
		sum += Divergence(p[i], q[i])
	}
	return sum / float64(len(p))
}

func logSum(row []float32) float64 {
	top := math.Inf(-1)
	for _, x := range row {
		top = math.Max(top, float64(x))
	}
	sum := 0.0
	for _, x := range row {
		sum += math.Exp(float64(x) - top)
	}
	return top + math.Log(sum)
}
