package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/policy"
)

// Check fails for numbers outside their limits, groups and pages that are too
// large, and what the policy objects to; the fields that are zero have their
// defaults. Errors wrap ErrConfig.
func (c Config) Check() error {
	c = c.withDefaults()
	if err := c.checkNumbers(); err != nil {
		return err
	}
	if err := c.checkProfile(); err != nil {
		return err
	}
	if _, err := c.geometry(); err != nil {
		return err
	}
	return c.Policy.Check(policy.Shape{Layers: c.Layers, KVHeads: c.KVHeads, HeadDim: c.HeadDim})
}

func (c Config) checkNumbers() error {
	for _, r := range []struct {
		name      string
		v, lo, hi int
	}{
		{"layers", c.Layers, 1, maxLayers},
		{"KV heads", c.KVHeads, 1, maxHeads},
		{"capacity in tokens", c.Capacity, 1, maxCapacity},
		{"sequences", c.Sequences, 1, maxSequences},
		{"type", int(c.Type), 0, len(typeNames) - 1},
		{"level", int(c.Level), 0, len(levelNames) - 1},
		{"window", c.Recent, 1, maxRecent},
		{"queries of importance", c.Queries, 1, maxQueries},
		{"page tokens", c.PageTokens, 1, maxPageTokens},
		{"tokens a step", c.MaxStepTokens, 1, maxStepTokens},
	} {
		if r.v < r.lo || r.v > r.hi {
			return fmt.Errorf("backend: %s %d: must be %d..%d: %w", r.name, r.v, r.lo, r.hi, policy.ErrConfig)
		}
	}
	if !(c.OutlierFraction >= 0 && c.OutlierFraction <= MaxOutlierFraction) {
		return fmt.Errorf("backend: OutlierFraction %g: must be 0..%g: %w", c.OutlierFraction, MaxOutlierFraction, policy.ErrConfig)
	}
	if c.QueryHeads < 0 || c.KVHeads > 0 && (c.QueryHeads%c.KVHeads != 0 || c.QueryHeads > maxPerHead*c.KVHeads) {
		return fmt.Errorf("backend: %d query heads: must be a multiple of the %d KV heads, at most %d for each: %w", c.QueryHeads, c.KVHeads, maxPerHead, policy.ErrConfig)
	}
	if err := c.checkWindows(); err != nil {
		return err
	}
	if c.Reserve < 0 {
		return fmt.Errorf("backend: reserve of %d bytes: must not be negative: %w", c.Reserve, policy.ErrConfig)
	}
	if c.Scratch < 0 || c.Scratch > maxScratch {
		return fmt.Errorf("backend: scratch of %d bytes: must be 0..%d: %w", c.Scratch, int64(maxScratch), policy.ErrConfig)
	}
	if c.BytesBudget < 0 || c.BytesBudget > 0 && (c.Profile == nil || c.Policy == policy.Levels{Fixed: true}) {
		return fmt.Errorf("backend: budget of %d bytes: must not be negative, and needs a profile whose levels are not fixed: %w", c.BytesBudget, policy.ErrConfig)
	}
	if c.HostBudget < 0 {
		return fmt.Errorf("backend: host budget of %d bytes: must not be negative: %w", c.HostBudget, policy.ErrConfig)
	}
	return nil
}

// checkProfile refuses what the calibrated codec cannot do, and its policy without it.
func (c Config) checkProfile() error {
	_, levels := c.Policy.(policy.Levels)
	if c.Profile == nil {
		if levels {
			return fmt.Errorf("backend: policy %s: needs a profile: %w", c.Policy.Name(), ErrConfig)
		}
		return nil
	}
	if err := c.Profile.Check(policy.Shape{Layers: c.Layers, KVHeads: c.KVHeads, HeadDim: c.HeadDim}, c.Profile.RoPE, ""); err != nil {
		return fmt.Errorf("backend: %w: %w", err, ErrConfig)
	}
	switch {
	case !levels:
		return fmt.Errorf("backend: policy %s: a cache with a profile has policy.Levels: %w", c.Policy.Name(), ErrConfig)
	case c.Level != LevelHead || c.OutlierFraction != 0:
		return fmt.Errorf("backend: level %s, outlier fraction %g: groups of a cache with a profile are tokens without outliers: %w", c.Level, c.OutlierFraction, ErrConfig)
	case c.QueryHeads == 0:
		return fmt.Errorf("backend: 0 query heads: a cache with a profile needs them: %w", ErrConfig)
	case c.PageTokens != c.Profile.PageTokens:
		return fmt.Errorf("backend: pages of %d tokens: the profile was made for %d: %w", c.PageTokens, c.Profile.PageTokens, ErrConfig)
	case c.Profile.RoPE.Dims()%8 != 0:
		return fmt.Errorf("backend: positions turn %d elements of keys: must be a multiple of 8: %w", c.Profile.RoPE.Dims(), ErrConfig)
	}
	return nil
}

func (c Config) checkWindows() error {
	if c.LayerWindows != nil && len(c.LayerWindows) != c.Layers {
		return fmt.Errorf("backend: windows of %d layers: the cache has %d: %w", len(c.LayerWindows), c.Layers, ErrConfig)
	}
	for layer, w := range c.LayerWindows {
		if w < 0 || w > maxCapacity {
			return fmt.Errorf("backend: window %d of layer %d: must be 0..%d: %w", w, layer, maxCapacity, ErrConfig)
		}
	}
	return nil
}
