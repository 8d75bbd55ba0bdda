package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/policy"
)

// keepsImportance tells whether the policy needs importance on the device.
func (c *Cache) keepsImportance() bool {
	for _, r := range c.rules {
		if r.Weight == policy.WeightImportance || r.Weight == policy.WeightCustom {
			return true
		}
	}
	return false
}

// importanceHead are the words of a KV head in a row, importanceLayer those of
// a layer: a multiple of what aligns a view.
func (c *Cache) importanceHead() int { return (c.cfg.Capacity + 3) / 4 }

func (c *Cache) importanceLayer() int {
	return roundUp(c.cfg.Window*c.geo.heads*c.importanceHead(), c.dev.Limits().ViewAlign)
}

// importanceWords are the words of a sequence's importance.
func (c *Cache) importanceWords() int {
	if !c.keepsImportance() {
		return 0
	}
	return c.geo.layers * c.importanceLayer()
}

// maxReduced is how many codes a weight is the largest of at most: what every
// driver runs in one invocation.
const maxReduced = 1 << 15

// checkImportance refuses what reduce_importance cannot see or reduce at once.
func (c *Cache) checkImportance() error {
	if !c.keepsImportance() {
		return nil
	}
	if n := c.cfg.Window * c.geo.layout.Rows; n > maxReduced {
		return fmt.Errorf("backend: window %d: importance of %d rows of a group: must be at most %d: %w", c.cfg.Window, n, maxReduced, policy.ErrConfig)
	}
	return c.checkView("importance", c.geo.layers/c.geo.units*c.importanceLayer())
}

// importanceBytes are the bytes of importance of so many tokens.
func (c *Cache) importanceBytes(tokens int) int64 {
	if !c.keepsImportance() {
		return 0
	}
	return int64(c.cfg.Window*c.cfg.Layers*c.cfg.KVHeads) * int64(tokens)
}
