// Package sample picks the next token from logits.
package sample

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// ErrOption says that a sampling option is out of range.
var ErrOption = errors.New("option out of range")

// ErrLogits says that the logits give no distribution (NaN, +Inf, or all −Inf).
var ErrLogits = errors.New("logits are not finite")

// Options choose how to sample. Temperature 0 is greedy: the largest logit, the
// lowest token among equals.
type Options struct {
	Temperature float64 // 0 and up
	TopP        float64 // over 0 to 1: the mass of the most probable tokens kept
	Seed        uint64
}

// Sampler draws tokens; the same options and logits give the same tokens.
type Sampler struct {
	o   Options
	rng *rand.Rand
}

// New checks the options.
func New(o Options) (*Sampler, error) {
	if !(o.Temperature >= 0) || math.IsInf(o.Temperature, 1) {
		return nil, fmt.Errorf("sample: temperature %v, want a number from 0: %w", o.Temperature, ErrOption)
	}
	if !(o.TopP > 0 && o.TopP <= 1) {
		return nil, fmt.Errorf("sample: top-p %v, want more than 0 and at most 1: %w", o.TopP, ErrOption)
	}
	return &Sampler{o: o, rng: rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15))}, nil
}

// Next returns a token for logits [vocab].
func (s *Sampler) Next(logits []float32) (int, error) {
	best, err := Greedy(logits)
	if err != nil || s.o.Temperature == 0 {
		return best, err
	}
	candidates, total := s.nucleus(logits, float64(logits[best]))
	u := s.rng.Float64() * total
	for _, c := range candidates {
		if u -= c.p; u < 0 {
			return c.token, nil
		}
	}
	return candidates[len(candidates)-1].token, nil
}

type candidate struct {
	token int
	p     float64 // not normalised
}

// nucleus returns the fewest most probable tokens whose mass is at least TopP,
// most probable first, and the sum of their p.
func (s *Sampler) nucleus(logits []float32, top float64) ([]candidate, float64) {
	all := make([]candidate, 0, len(logits))
	var sum float64
	for token, l := range logits {
		p := math.Exp((float64(l) - top) / s.o.Temperature)
		if p > 0 {
			all = append(all, candidate{token, p})
			sum += p
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.p, a.p) })
	var kept float64
	for i, c := range all {
		if kept += c.p; kept >= s.o.TopP*sum {
			return all[:i+1], kept
		}
	}
	return all, kept
}

// Greedy returns the token with the largest logit, the lowest among equals.
func Greedy(logits []float32) (int, error) {
	best := -1
	for i, l := range logits {
		if l != l || math.IsInf(float64(l), 1) {
			return 0, fmt.Errorf("sample: logit %d is %v: %w", i, l, ErrLogits)
		}
		if !math.IsInf(float64(l), -1) && (best < 0 || l > logits[best]) {
			best = i
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("sample: no finite logit among %d: %w", len(logits), ErrLogits)
	}
	return best, nil
}
