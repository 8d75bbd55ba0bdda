package policy

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// H2O keeps the recent tokens and the heavy hitters, those that got most
// attention so far, as they came, and evicts the others (heavy-hitter oracle,
// arXiv 2306.14048): they take no part in attention any more and have no codes.
// It chooses for each layer and KV head apart, as far as the level tells them
// apart; K and V are evicted together. Half of the budget is for recent tokens, as
// in the paper's experiments.
//
// It differs from the paper in this: attention is summed when bits are chosen, not
// at each query, and what is added is the largest probability in the last n
// queries, over the query heads of the KV head. Sums of queries that Rollback
// dropped stay in those of older tokens. The budget can be exceeded by the tokens
// of the recent window, which always stay.
type H2O struct {
	Budget int  // tokens of a layer and KV head that stay, at least 1
	Recall bool // an evicted token comes back, from the host's rows, when others' sums fall below its own; false, as in the paper: what is evicted stays so
}

// Name is h2o.
func (H2O) Name() string { return "h2o" }

// Check wants a budget.
func (h H2O) Check(Shape) error { return checkBudget("h2o", h.Budget, h.Budget/2) }

// Rule is 16 bits or out, by weights of its own.
func (H2O) Rule(shaders.Kind) Rule { return evictingRule() }

// Limit is 1: weights choose.
func (H2O) Limit(shaders.Kind, int, int, int) float64 { return 1 }

// Weigh adds importance to the sums and keeps the tokens of the largest. The state
// of a token is its sum, negative while it is evicted.
func (h H2O) Weigh(w *Weighing) {
	sum := func(t int) float32 { return math.Float32frombits(w.State[t]) }
	evicted := func(t int) bool { return w.State[t]>>31 != 0 }
	for t, p := range w.Weights {
		if p > 0 && !evicted(t) {
			w.State[t] = math.Float32bits(sum(t) + p)
		}
	}
	w.evict(h.Budget, h.Budget/2,
		func(t int) bool { return !h.Recall && evicted(t) },
		func(t int) float64 { return math.Abs(float64(sum(t))) },
		func(t int, out bool) { w.State[t] = mark(w.State[t], out) })
}

// mark sets or clears the highest bit of a state: the token is evicted.
func mark(state uint32, out bool) uint32 {
	if out {
		return state | 1<<31
	}
	return state &^ (1 << 31)
}
