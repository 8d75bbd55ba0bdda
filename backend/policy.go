package backend

import "math"

// Shape is what a policy must know of the cache that it serves.
type Shape struct {
	Layers, KVHeads, HeadDim int
}

// Rule bounds the bits of groups of a kind: the smallest b in MinBits..MaxBits
// with R*w <= c*(2^b - delta), or MaxBits. R is the range of a group, w its
// weight, c its limit.
type Rule struct {
	MinBits, MaxBits int  // 0..8; MaxBits may be 16 (raw)
	Authors          bool // delta is 1 (the authors' code), else 0 (the paper)
	Fixed            bool // bits never change once a group is stored
}

// Policy decides bits: importance and range in, bits out. The range part runs
// on the device by the Rule; the policy gives weights and limits. To choose
// bits freely, give weight -1 for MaxBits and 0 for MinBits, with limit 1.
type Policy interface {
	// Name is short: qaq, uniform, none.
	Name() string
	// Check finds misuse when a cache is made.
	Check(Shape) error
	// Rule is constant for a kind.
	Rule(Kind) Rule
	// Limit is c for groups of a layer and KV head when the cache holds the
	// given tokens. A group of several heads gets the least of theirs.
	Limit(k Kind, layer, head, tokens int) float64
	// Weigh turns importance into weights in place, for all groups of one
	// layer and head (as far as the level tells them apart), oldest token
	// first. Importance is the largest attention probability that the token
	// got in the last n queries, or -1 where it has had fewer than n.
	Weigh(k Kind, importance []float32)
}

// rawBits are the bits of a group stored as it came.
const rawBits = 16

// maxLimit and maxWeight are the bounds of c and w in the numeric contract.
const (
	maxLimit  = 0x1p100
	maxWeight = 0x1p20
)

// limit32 narrows a policy's limit to what the kernels take; NaN becomes 0.
func limit32(c float64) float32 {
	if !(c > 0) {
		return 0
	}
	return float32(math.Min(c, maxLimit))
}

// weight32 brings a weight into the contract; NaN pins, as a negative weight.
func weight32(w float32) float32 {
	if !(w >= 0) {
		return -1
	}
	return min(w, maxWeight)
}
