package policy

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// H2O keeps the recent tokens and the heavy hitters, those that got most
// attention so far, as they came, and evicts the others: 0 bits (heavy-hitter
// oracle, arXiv 2306.14048). It chooses for each layer and KV head apart, as far
// as the level tells them apart; K and V are evicted together. What is evicted
// stays so. Half of the budget is for recent tokens, as in the paper's
// experiments.
//
// It differs from the paper in this: attention is summed at each decision, not
// at each query, and what is added is the largest probability in the last n
// queries, over the query heads of the KV head. Sums of queries that Rollback
// dropped stay in those of older tokens. An evicted token is not left out of
// attention: it counts with the middle of its range, and with its outliers, so
// Config.OutlierFraction is best 0. The budget can be exceeded by the tokens of the recent
// window, which always stay.
type H2O struct {
	Budget int // tokens of a layer and KV head that stay, at least 1
}

// Name is h2o.
func (H2O) Name() string { return "h2o" }

// Check wants a budget.
func (h H2O) Check(Shape) error { return checkBudget("h2o", h.Budget, h.Budget/2) }

// Rule is 0 or 16 bits by weights of its own.
func (H2O) Rule(shaders.Kind) Rule { return evictingRule() }

// Limit is 1: weights choose.
func (H2O) Limit(shaders.Kind, int, int, int) float64 { return 1 }

// h2oEvicted marks an evicted token where others have their sum of attention.
var h2oEvicted = math.Float32bits(-1)

// Weigh adds importance to the sums and keeps the tokens of the largest.
func (h H2O) Weigh(w *Weighing) {
	sum := func(t int) float32 { return math.Float32frombits(w.State[t]) }
	for t, p := range w.Weights {
		if p > 0 && w.State[t] != h2oEvicted {
			w.State[t] = math.Float32bits(sum(t) + p)
		}
	}
	w.evict(h.Budget, h.Budget/2,
		func(t int) bool { return w.State[t] == h2oEvicted },
		func(t int) float64 { return float64(sum(t)) },
		func(t int) { w.State[t] = h2oEvicted })
}
