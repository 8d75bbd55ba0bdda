package model

import (
	"fmt"
	"math"
)

// Distribution is softmax(logits) over a vocabulary.
type Distribution struct {
	Top    int // the most probable token, the lowest of equal ones
	logits []float32
	logSum float64 // ln Σ e^logit
}

// NewDistribution keeps the logits. They must be finite; the error wraps
// ErrCompare.
func NewDistribution(logits []float32) (Distribution, error) {
	if len(logits) == 0 {
		return Distribution{}, fmt.Errorf("model: no logits: %w", ErrCompare)
	}
	d := Distribution{Top: argmax(logits), logits: logits}
	top, sum := logits[d.Top], float64(0)
	for _, l := range logits {
		sum += float64(exp(l - top))
	}
	if d.logSum = float64(top) + math.Log(sum); math.IsNaN(d.logSum) || math.IsInf(d.logSum, 0) {
		return d, fmt.Errorf("model: logits that are not finite: %w", ErrCompare)
	}
	return d, nil
}

// NLL is −ln of the probability of a token, in nats.
func (d Distribution) NLL(token int) float64 { return d.logSum - float64(d.logits[token]) }

// Probabilities fills dst [vocab].
func (d Distribution) Probabilities(dst []float32) {
	for i, l := range d.logits {
		dst[i] = exp(float32(float64(l) - d.logSum))
	}
}

// KLD returns KL(d ‖ run) in nats, at least 0; p are d's Probabilities.
func (d Distribution) KLD(p []float32, run Distribution) float64 {
	var sum, all float64
	for i, x := range p {
		sum += float64(x) * (float64(d.logits[i]) - float64(run.logits[i]))
		all += float64(x)
	}
	return max(sum/all-(d.logSum-run.logSum), 0) // rounding can make the sum of equal rows −1e-17
}
