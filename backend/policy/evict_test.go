package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kept runs a decision over the importance of all stored tokens and names those
// that are kept.
func kept(w HostPolicy, tokens int, state []uint32, importance ...float32) (list []int) {
	call := Weighing{Tokens: tokens, Weights: importance, State: state}
	w.Weigh(&call)
	for t, weight := range call.Weights {
		if weight == Keep {
			list = append(list, t)
		}
	}
	return list
}

func TestH2OKeepsHeavyHittersAndRecentTokens(t *testing.T) {
	h, state := H2O{Budget: 4}, make([]uint32, 9)
	assert.Equal(t, []int{0, 1, 2, 3}, kept(h, 4, state[:4], .1, .3, .2, .1), "within the budget")
	assert.Equal(t, []int{1, 2, 4, 5}, kept(h, 6, state[:6], .1, .05, .2, .05, .1, .2), "sums .2, .35, .4, .15: the newest two stay")
	assert.Equal(t, []int{1, 2}, kept(h, 8, state[:6], .9, .1, .1, .9, .1, .1), "two that are not stored are the recent ones; what is evicted stays so")
	assert.Equal(t, []int{2, 5, 7, 8}, kept(H2O{Budget: 4}, 9, []uint32{8: 0}, 0, 0, .3, .1, 0, .1, 0, .2, .1), "of equal sums the newer")
	assert.Equal(t, []int{0, 1, 2, 3}, kept(h, 6, make([]uint32, 4), -1, -1, -1, -1), "too few queries saw them")
}

// With Recall an evicted token comes back when it ranks among the kept ones again;
// what it counted up is not lost meanwhile.
func TestRecall(t *testing.T) {
	h, state := H2O{Budget: 4, Recall: true}, make([]uint32, 8)
	assert.Equal(t, []int{1, 2, 4, 5}, kept(h, 6, state[:6], .1, .3, .2, .15, .1, .2))
	assert.Equal(t, []int{1, 4, 6, 7}, kept(h, 8, state, 0, .1, .1, 0, .9, .01, .1, .1), "sums .4, .3, 1, .21 of 1, 2, 4, 5")
	h.Budget = 6
	assert.Equal(t, []int{1, 2, 4, 5, 6, 7}, kept(h, 8, state, 0, .1, .1, 0, 0, 0, .1, .1), "2 and 5 come back")

	s, state := Scissorhands{Budget: 2, Recent: 1, History: 3, Recall: true}, make([]uint32, 4)
	assert.Equal(t, []int{1, 2}, kept(s, 3, state[:3], .1, .9, .1))
	assert.Equal(t, []int{1, 3}, kept(s, 4, state, 0, .1, .1, .9), "0 and 1 were low once")
	assert.Equal(t, []int{0, 3}, kept(s, 4, state, 0, .1, .1, .9), "1 was low twice: 0 comes back")
}

func TestScissorhandsKeepsWhatPersists(t *testing.T) {
	s, state := Scissorhands{Budget: 3, Recent: 1, History: 2}, make([]uint32, 6)
	assert.Equal(t, []int{0, 1, 2}, kept(s, 3, state[:3], .9, .1, .1), "within the budget")
	assert.Equal(t, []uint32{0, 1, 1}, state[:3], "tokens below the mean of 1/3")
	assert.Equal(t, []int{0, 2, 3}, kept(s, 4, state[:4], .1, .2, .9, .1), "counts 1, 2, 1: the newest stays")
	assert.Equal(t, []int{2, 3, 4}, kept(s, 5, state[:5], .1, .9, .1, .3, 0), "0 was low twice of two, 2 not for the last two")
	assert.Equal(t, []uint32{1<<31 | 3, 1<<31 | 3, 1, 2, 1}, state[:5])
	assert.Equal(t, []int{3, 4, 5}, kept(s, 6, state, .9, .9, .1, .1, .9, .1), "what is evicted stays so")
	assert.Equal(t, []int{3, 4, 5}, kept(s, 6, make([]uint32, 6), 0, 0, 0, 0, 0, 0), "of equal counts the older go")
}

func TestEvictingPoliciesRefuse(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		want   string
	}{
		{H2O{}, "policy: h2o: budget of 0 tokens: must be at least 1: bad cache configuration"},
		{Scissorhands{Budget: -1, History: 1}, "policy: scissorhands: budget of -1 tokens: must be at least 1: bad cache configuration"},
		{Scissorhands{Budget: 4, Recent: 5, History: 1}, "policy: scissorhands: 5 recent tokens: must be 0..4, the budget: bad cache configuration"},
		{Scissorhands{Budget: 4, History: 32}, "policy: scissorhands: history of 32 choices: must be 1..31: bad cache configuration"},
	} {
		err := c.policy.Check(Shape{})
		require.ErrorIs(t, err, ErrConfig)
		require.EqualError(t, err, c.want)
	}
}
