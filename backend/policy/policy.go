// Package policy has the rules by which a cache chooses bits: importance and range
// in, bits out.
package policy

import (
	"errors"

	"github.com/qaqvk/qaqvk/shaders"
)

// ErrConfig is wrapped by the errors that a configuration causes.
var ErrConfig = errors.New("bad cache configuration")

// Shape is what a policy must know of the cache that it serves.
type Shape struct {
	Layers, KVHeads, HeadDim int
}

// Rule bounds the bits of groups of a kind: the smallest b in MinBits..MaxBits
// with R*w <= c*(2^b - delta), or MaxBits. R is the range of a group, w its
// weight, c its limit.
type Rule struct {
	MinBits, MaxBits int     // 0..8; MaxBits may be 16 (raw)
	Weight           Weight  // what w is
	Delta            float32 // delta: 0 (the paper) or 1 (the authors' code)
	Fixed            bool    // bits never change once a group is stored
}

// Weight says what the weight of a group is. But for WeightMost, tokens that
// fewer than the last n = Config.Queries queries saw have MaxBits.
type Weight uint8

// Weights of groups. The zero value is WeightImportance.
const (
	WeightImportance Weight = iota // the largest attention probability in the last n queries
	WeightOne                      // 1
	WeightMost                     // none: all groups have MaxBits
	WeightCustom                   // what the policy says, which is a HostPolicy
)

// Weights that a HostPolicy may give instead of one that the rule looks at.
const (
	Keep  = -1 // MaxBits
	Evict = -2 // out: the group takes no part in attention and has no codes (shaders.Evicted)
)

// Policy decides bits: importance and range in, bits out. The range part runs
// on the device by the Rule, as do the weights, unless the policy is a HostPolicy;
// the policy gives limits. A policy is a value that several caches may use.
type Policy interface {
	// Name is short: qaq, uniform, none.
	Name() string
	// Check finds misuse when a cache is made.
	Check(Shape) error
	// Rule is constant for a kind.
	Rule(shaders.Kind) Rule
	// Limit is c for groups of a layer and KV head when the cache holds the
	// given tokens. A group of several heads gets the least of theirs.
	Limit(k shaders.Kind, layer, head, tokens int) float64
}

// HostPolicy is a Policy that gives the weights of groups on the host, for kinds
// whose Rule says WeightCustom. To choose bits freely, give Keep for MaxBits
// and 0 for MinBits, with limit 1; Evict takes a token out of attention, which 0
// bits never do: those stand for the middle of the range.
type HostPolicy interface {
	Policy
	// Weigh turns importance into weights, for all groups of one layer and KV
	// head (as far as the level tells them apart). It is called when tokens are
	// stored and when bits are adapted, at most once for a state of the sequence.
	Weigh(*Weighing)
}

// Weighing is one call of a HostPolicy. The slices have a place for each stored
// token, oldest first, and are the policy's during the call only.
type Weighing struct {
	Kind        shaders.Kind
	Layer, Head int // the first ones of the groups
	Tokens      int // of the sequence: the newest of them are not stored yet

	// Weights has the importance of the tokens, the largest attention
	// probability that each got in the last n queries, or -1 where fewer than n
	// saw it, and takes the weights.
	Weights []float32

	// State is a word a token that the policy may write and finds again in the
	// next call for the same sequence, kind, layer and head; 0 for new tokens. A
	// fork has a copy of it; Rollback drops that of the dropped tokens.
	State []uint32
}
