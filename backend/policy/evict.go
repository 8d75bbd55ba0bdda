package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// evictingRule has 16 bits for what is kept; the policy evicts the rest.
func evictingRule() Rule { return Rule{MaxBits: shaders.Raw, Weight: WeightCustom} }

// checkBudget fails for a budget below 1 and for more recent tokens than it has.
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
// others but those that are out for good, the ones of the highest score; of equal
// ones the newer. Tokens that too few queries saw stay. It tells set of every
// other token whether it is out.
func (w *Weighing) evict(budget, recent int, gone func(t int) bool, score func(t int) float64, set func(t int, out bool)) {
	var others []int
	kept := max(min(recent, w.Tokens), w.Tokens-len(w.Weights))
	for t, p := range w.Weights {
		switch {
		case gone(t):
			w.Weights[t] = Evict
		case t >= w.Tokens-recent:
			w.Weights[t] = Keep
		case p < 0:
			w.Weights[t] = Keep
			kept++
		default:
			others = append(others, t)
		}
	}
	slices.SortStableFunc(others, func(a, b int) int {
		return cmp.Or(cmp.Compare(score(b), score(a)), b-a)
	})
	for i, t := range others {
		w.Weights[t] = Keep
		out := i >= budget-kept
		if out {
			w.Weights[t] = Evict
		}
		set(t, out)
	}
}
