package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// Weights of tokens that a policy keeps or evicts.
const (
	keepToken  = -1 // MaxBits
	evictToken = 0  // MinBits
)

// evictingRule gives 16 bits to what is kept and 0 to what is evicted.
func evictingRule() Rule { return Rule{MinBits: 0, MaxBits: shaders.RawBits, Weight: WeightCustom} }

// checkBudget wants room for a token beside the recent ones.
func checkBudget(policy string, budget, recent int) error {
	if budget < 1 {
		return fmt.Errorf("policy: %s: budget of %d tokens: must be at least 1: %w", policy, budget, ErrConfig)
	}
	if recent < 0 || recent > budget {
		return fmt.Errorf("policy: %s: %d recent tokens: must be 0..%d, the budget: %w", policy, recent, budget, ErrConfig)
	}
	return nil
}

// evict gives the weights of tokens of which at most budget may stay: the newest
// `recent` of the sequence, those that are not stored yet among them, and, of the
// others that were not evicted before, the ones of the highest score; of equal
// ones the newer. Tokens that too few queries saw stay. It calls gone for every
// token that is evicted.
func (w *Weighing) evict(budget, recent int, evicted func(t int) bool, score func(t int) float64, gone func(t int)) {
	var others []int
	kept := max(min(recent, w.Tokens), w.Tokens-len(w.Weights))
	for t, p := range w.Weights {
		switch {
		case evicted(t):
			w.Weights[t] = evictToken
		case t >= w.Tokens-recent:
			w.Weights[t] = keepToken
		case p < 0:
			w.Weights[t] = keepToken
			kept++
		default:
			others = append(others, t)
		}
	}
	slices.SortStableFunc(others, func(a, b int) int {
		return cmp.Or(cmp.Compare(score(b), score(a)), b-a)
	})
	for i, t := range others {
		w.Weights[t] = keepToken
		if i >= budget-kept {
			w.Weights[t] = evictToken
			gone(t)
		}
	}
}
