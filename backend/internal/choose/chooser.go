// Package choose has what encode and choose_bits need to choose the bits of
// groups: limits from the policy, and weights from importance, from the policy or
// none.
package choose

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// Chooser is the policy of a cache.
type Chooser struct {
	work   *core.Work
	policy policy.Policy
	host   policy.HostPolicy // the policy, where it is one
	Rules  [2]policy.Rule    // by kind
}

// New asks the policy for its rules and refuses what the kernels cannot follow.
func New(w *core.Work, p policy.Policy) (*Chooser, error) {
	c := &Chooser{work: w, policy: p, Rules: [2]policy.Rule{p.Rule(shaders.Key), p.Rule(shaders.Value)}}
	c.host, _ = p.(policy.HostPolicy)
	for k, r := range c.Rules {
		switch {
		case r.MinBits < 0 || r.MinBits > 8 || r.MaxBits < r.MinBits || r.MaxBits > 8 && r.MaxBits != shaders.Raw:
			return nil, fmt.Errorf("backend: policy: bits %d..%d for %s: must be within 0..8, or up to 16: %w", r.MinBits, r.MaxBits, shaders.Kind(k), policy.ErrConfig)
		case r.Weight > policy.WeightCustom:
			return nil, fmt.Errorf("backend: policy: weight %d for %s: must be 0..%d: %w", r.Weight, shaders.Kind(k), policy.WeightCustom, policy.ErrConfig)
		case r.Weight == policy.WeightCustom && c.host == nil:
			return nil, fmt.Errorf("backend: policy %s: custom weights for %s: it must be a HostPolicy: %w", p.Name(), shaders.Kind(k), policy.ErrConfig)
		}
	}
	return c, nil
}

// SetPolicy takes the limits of a policy whose rules are the same.
func (c *Chooser) SetPolicy(p policy.Policy) error {
	if _, host := p.(policy.HostPolicy); host || c.host != nil {
		return fmt.Errorf("policy %s: one that gives weights itself stays as it is: %w", p.Name(), policy.ErrConfig)
	}
	if rules := [2]policy.Rule{p.Rule(shaders.Key), p.Rule(shaders.Value)}; rules != c.Rules {
		return fmt.Errorf("policy %s: other rules than those of %s: %w", p.Name(), c.policy.Name(), policy.ErrConfig)
	}
	c.policy = p
	return nil
}

// Adapts tells whether bits may ever change.
func (c *Chooser) Adapts() bool { return !c.Rules[shaders.Key].Fixed || !c.Rules[shaders.Value].Fixed }

// NeedsImportance tells whether the policy looks at importance.
func (c *Chooser) NeedsImportance() bool {
	for _, r := range c.Rules {
		if r.Weight == policy.WeightImportance || r.Weight == policy.WeightCustom {
			return true
		}
	}
	return false
}

// Limit is the least limit of the layers and heads of a group.
func (c *Chooser) Limit(kind shaders.Kind, layerGroup, group, tokens int) float32 {
	least := math.Inf(1)
	layer, layers := c.work.LayersOf(layerGroup)
	for ; layer < layers; layer++ {
		head, heads := c.work.HeadsOf(group)
		for ; head < heads; head++ {
			least = math.Min(least, c.policy.Limit(kind, layer, head, tokens))
		}
	}
	return limit32(least)
}

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

// weight32 brings a weight into the contract; NaN keeps, as a negative weight.
func weight32(w float32) float32 {
	switch {
	case w <= policy.Evict:
		return policy.Evict
	case !(w >= 0):
		return policy.Keep
	}
	return min(w, maxWeight)
}
