package adapt

import "github.com/qaqvk/qaqvk/backend/internal/pages"

// Shortfall is a choice that could not be followed: a group should have more bits,
// but the host has no rows of it.
type Shortfall struct {
	Page       pages.ID
	Group      int
	Wants, Has uint8
	Step       int // when the bits were chosen
}

// unmet is how many groups of a page have a bound that even the most bits do not
// keep.
type unmet struct {
	page   pages.ID
	groups int
}

// follow takes what a batch found out of bounds, and what it could not follow: such a choice is kept until the bits
// of its page are chosen again.
func (s *Sequence) follow(b *batch) {
	for _, u := range b.unmet {
		s.table.SetUnmet(u.page, u.groups)
	}
	if s.Shortfall == nil || b.chose(s.Shortfall.Page) {
		s.Shortfall = b.shortfall
	}
}

// chose tells whether the bits of a page were chosen.
func (b *batch) chose(p pages.ID) bool {
	for i := range b.targets {
		if t := &b.targets[i]; t.layerGroup == p.LayerGroup && t.from <= p.Page && p.Page < t.to {
			return t.at[p.Kind] >= 0
		}
	}
	return false
}
