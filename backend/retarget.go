package backend

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// SetPolicy gives the cache other limits while texts grow: a policy with the rules of
// the one that it has, such as policy.QAQ with other target errors. The bits of all
// stored groups are chosen anew in rounds that the next Step of each sequence begins;
// a Step without new tokens does. The error wraps ErrConfig for a cache with a profile,
// and for a policy with other rules, one that gives weights itself, or one that its own
// Check refuses.
func (c *Cache) SetPolicy(p policy.Policy) error {
	if err := c.usable(); err != nil {
		return err
	}
	r, ok := c.scheme.(*ranged)
	switch {
	case p == nil:
		return typed{errors.New("backend: set policy: none given"), ErrConfig}
	case !ok:
		return typed{fmt.Errorf("backend: set policy %s: the levels of a cache follow from its profile", p.Name()), ErrConfig}
	}
	if err := p.Check(policy.Shape{Layers: c.cfg.Layers, KVHeads: c.cfg.KVHeads, HeadDim: c.cfg.HeadDim}); err != nil {
		return configError(fmt.Errorf("backend: set policy: %w", err))
	}
	if err := r.SetPolicy(p); err != nil {
		return fmt.Errorf("backend: set policy: %w", err)
	}
	c.cfg.Policy = p
	c.allDue()
	return nil
}

// SetBytesBudget sets Config.BytesBudget while texts grow. A smaller budget is kept
// from the end of the next Step on, a larger one, or 0 for none, is used up by the
// rounds of adaptation that the next Step of each sequence begins; a Step without new
// tokens does both. Where even the least levels do not keep it, that Step fails with
// ErrBudget. The error wraps ErrConfig for a negative budget and for a cache without a
// profile, or with one whose levels are fixed.
func (c *Cache) SetBytesBudget(bytes int64) error {
	if err := c.usable(); err != nil {
		return err
	}
	k, ok := c.scheme.(*calibrated)
	switch {
	case bytes < 0:
		return typed{fmt.Errorf("backend: set budget of %d bytes: must be 0 or more", bytes), ErrConfig}
	case !ok || !k.Adapts():
		return typed{errors.New("backend: set budget of bytes: needs a profile whose levels are not fixed"), ErrConfig}
	}
	c.cfg.BytesBudget = bytes
	if bytes == 0 {
		k.shift = 0
	} else if used, room := c.budgetedBytes(); used < room {
		k.raise(c.arena.Count(), int64(middlePart*float64(room))-used)
	}
	c.allDue()
	return nil
}

// raise moves levels up again, not above those of a cache without a budget, so far that
// pages, of which there are so many, take about the given bytes more.
func (c *calibrated) raise(n *pages.Counts, bytes int64) {
	now := c.words(n, 0)
	for d := 1; c.shift < 0 && 4*(c.words(n, d)-now) <= float64(bytes); d++ {
		c.shift++
	}
}

// allDue makes a round of adaptation due in every sequence.
func (c *Cache) allDue() {
	for _, s := range c.sequences {
		s.due = c.scheme.Adapts()
	}
}
