package model

import (
	"errors"
	"fmt"
)

// ErrCompare says that two logit rows cannot be compared.
var ErrCompare = errors.New("logits cannot be compared")

// Quality sums how close a run's next-token distributions are to a reference
// run's, both fed the same tokens.
type Quality struct {
	Tokens int     // distributions compared
	same   int     // with the same most probable token
	kld    float64 // sum of KL(reference ‖ run), nats
}

// Add compares one distribution, given by logits [vocab] of either run.
func (q *Quality) Add(reference, run []float32) error {
	kld, err := KLD(reference, run)
	if err != nil {
		return err
	}
	if argmax(reference) == argmax(run) {
		q.same++
	}
	q.kld += kld
	q.Tokens++
	return nil
}

// Top1 returns the share of distributions whose most probable tokens agree, 0
// to 1; NaN before the first Add.
func (q *Quality) Top1() float64 { return float64(q.same) / float64(q.Tokens) }

// KLD returns the mean Kullback-Leibler divergence in nats; NaN before the
// first Add.
func (q *Quality) KLD() float64 { return q.kld / float64(q.Tokens) }

// KLD returns KL(reference ‖ run) in nats of the distributions softmax(logits),
// at least 0. Logits must be finite and of one length.
func KLD(reference, run []float32) (float64, error) {
	if len(reference) != len(run) || len(run) == 0 {
		return 0, fmt.Errorf("model: %d and %d logits: %w", len(reference), len(run), ErrCompare)
	}
	a, err := NewDistribution(reference)
	if err != nil {
		return 0, err
	}
	b, err := NewDistribution(run)
	if err != nil {
		return 0, err
	}
	p := make([]float32, len(reference))
	a.Probabilities(p)
	return a.KLD(p, b), nil
}

// argmax returns the lowest index of the largest logit.
func argmax(logits []float32) (best int) {
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	return best
}
