package policy

import "github.com/qaqvk/qaqvk/shaders"

// Levels is the policy of caches with a profile (Config.Profile): it gives a token of
// a layer, K and V of all its KV heads, one of ten levels, half steps of what a plane
// of bits must be worth to be kept.
//
// It is the rule of QAQ (arXiv 2403.04643, section 3.3), which bounds the error that a
// row brings to the output by sigma_max over its attention, in the metric of the
// profile: an error e in channel c of a token that attention gives p costs
// p²·λ_c·e², and each bit takes off what the profile says. Bits go where they take
// off most, which is a bound on λ_c·p²·e² that is the same for all tokens, as QAQ's is
// on p·e. So a token whose p² is four times the mean gets one level step more:
//
//	level = ½·log2((I + floor)/(1 + floor)), I = p² over its mean over tokens
//
// p² being a decayed sum over queries and heads where QAQ takes the largest of the
// last queries (five queries cost .003 more KL divergence at equal bytes than the
// sum), and the floor what a token that has not been looked at may still be worth.
type Levels struct {
	// Fixed gives every token the level of the mean, whatever its importance, for
	// good: nothing is adapted, and importance is not kept. The first tokens of a text
	// are raw.
	Fixed bool
}

// Name is levels, or fixed.
func (l Levels) Name() string {
	if l.Fixed {
		return "fixed"
	}
	return "levels"
}

// Check has nothing to find: Config checks that there is a profile.
func (Levels) Check(Shape) error { return nil }

// Rule is not looked at: levels are not bits.
func (l Levels) Rule(shaders.Kind) Rule { return Rule{MaxBits: shaders.Raw, Fixed: l.Fixed} }

// Limit is not used.
func (Levels) Limit(shaders.Kind, int, int, int) float64 { return 0 }
