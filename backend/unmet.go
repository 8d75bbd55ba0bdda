package backend

import (
	"errors"
	"fmt"
)

// ErrHostBudget says that groups need rows which the host does not keep,
// because HostBudget is reached: they cannot get the bits that were decided.
var ErrHostBudget = errors.New("host budget reached")

// unmet is a decision that could not be followed.
type unmet struct {
	page       pageID
	group      int
	wants, has uint8
	step       int
}

// misses are decisions of an adaptation that could not be followed.
type misses struct {
	missed  int64
	unmet   *unmet // one of them: the oldest known
	watched *unmet // the oldest before, until it is met again
}

// miss counts a group that should have more bits but cannot.
func (a *adaptation) miss(p pageID, group int, wants, has uint8) {
	a.missed++
	if a.unmet == nil {
		a.unmet = &unmet{p, group, wants, has, a.step}
	}
	if w := a.watched; w != nil && w.page == p && w.group == group {
		a.unmet = &unmet{p, group, wants, has, w.step}
		a.watched = nil // the first one found anew is no older
	}
}

// follow takes what an adaptation could not follow: the oldest such decision is
// kept as long as the group lacks bits.
func (s *Sequence) follow(a *adaptation) {
	if s.unmet == nil || a.decides(s.unmet.page) {
		s.unmet = a.unmet
	}
}

// decides tells whether the bits of a page were decided.
func (a *adaptation) decides(p pageID) bool {
	for i := range a.targets {
		if t := &a.targets[i]; t.unit == p.unit && t.from <= p.chunk && p.chunk < t.to {
			return t.at[p.kind] >= 0
		}
	}
	return false
}

// hostBudgetError explains the oldest decision that could not be followed; nil:
// there is none.
func (s *Sequence) hostBudgetError() error {
	u := s.unmet
	if u == nil {
		return nil
	}
	g := &s.c.geo
	layer, layers := g.unitLayers(u.page.unit)
	head, heads := g.groupHeads(u.group % g.tokenGroups)
	return fmt.Errorf("backend: adapt: token %d %s, layer %s, KV head %s has %d bits and was to have %d since step %d: the host keeps rows of the tokens before %d in %d bytes: %w",
		g.tokenOf(u.page, u.group), u.page.kind, numbers(layer, layers), numbers(head, heads), u.has, u.wants, u.step,
		s.host.kept, s.c.cfg.HostBudget, ErrHostBudget)
}

// numbers is "3" or "0..3": from, and up to end.
func numbers(from, end int) string {
	if end == from+1 {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d..%d", from, end-1)
}
