package policy

import (
	"fmt"
	"math/bits"

	"github.com/qaqvk/qaqvk/shaders"
)

// Scissorhands keeps tokens whose importance persists as they came and evicts
// the others (arXiv 2305.17118, algorithm 2): they take no part in attention any
// more and have no codes. Over a history it counts
// how often a token got less than the mean attention 1/T, and evicts those with
// the highest counts when there are more tokens than the budget allows; the
// recent ones stay. It chooses for each layer and KV head apart, as far as the
// level tells them apart; K and V are evicted together.
//
// It differs from the paper in this: the history is one of choices, not of
// queries, and looks at the largest probability in the last n queries of each,
// over the query heads of the KV head; no more tokens are evicted than the
// budget asks for; of tokens with equal counts the older ones go. What queries
// that Rollback dropped did to older tokens' counts stays. The budget can be
// exceeded by the tokens of the recent window, which always stay.
type Scissorhands struct {
	Budget  int  // tokens of a layer and KV head that stay, at least 1
	Recent  int  // of these the newest, 0..Budget
	History int  // choices that are looked back at, 1..31
	Recall  bool // an evicted token comes back, from the host's rows, when others' counts rise above its own; false, as in the paper: what is evicted stays so
}

// Name is scissorhands.
func (Scissorhands) Name() string { return "scissorhands" }

// Check wants a budget and a history.
func (s Scissorhands) Check(Shape) error {
	if s.History < 1 || s.History > maxHistory {
		return fmt.Errorf("policy: scissorhands: history of %d choices: must be 1..%d: %w", s.History, maxHistory, ErrConfig)
	}
	return checkBudget("scissorhands", s.Budget, s.Recent)
}

// Rule is 16 bits or out, by weights of its own.
func (Scissorhands) Rule(shaders.Kind) Rule { return evictingRule() }

// Limit is 1: weights choose.
func (Scissorhands) Limit(shaders.Kind, int, int, int) float64 { return 1 }

// maxHistory is what a state has room for: a bit for each choice of the history,
// the newest lowest: 1 where the token's attention was low. Above them is the bit
// of an evicted token.
const maxHistory = 31

// Weigh enters the choice in the history and keeps the tokens with the lowest
// counts.
func (s Scissorhands) Weigh(w *Weighing) {
	mean := 1 / float32(w.Tokens)
	evicted := func(t int) bool { return w.State[t]>>31 != 0 }
	for t, p := range w.Weights {
		if p < 0 || evicted(t) {
			continue
		}
		low := uint32(0)
		if p < mean {
			low = 1
		}
		w.State[t] = (w.State[t]<<1 | low) & (1<<s.History - 1)
	}
	w.evict(s.Budget, s.Recent,
		func(t int) bool { return !s.Recall && evicted(t) },
		func(t int) float64 { return -float64(bits.OnesCount32(mark(w.State[t], false))) },
		func(t int, out bool) { w.State[t] = mark(w.State[t], out) })
}
