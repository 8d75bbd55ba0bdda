package decayed

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
)

// Stored chooses the levels of stored tokens, those of K and of V alike.
type Stored struct {
	*Importance
	Choice
}

// Ready has nothing to run.
func (s Stored) Ready(adapt.Chosen) error { return nil }

// Record records the choice of the levels of pages.
func (s Stored) Record(l *device.List, plan, bits *core.Room, c adapt.Chosen) [2]int {
	view, list := bits.Take(len(c.Pairs)*s.work.PageTokens), []pages.ID(nil)
	for i := range c.Pairs {
		list = append(list, pages.ID{LayerGroup: c.LayerGroup, Page: c.First + i})
	}
	l.Barrier(device.AllCommands, device.Shader) // choices of the same layer before write the same bounds
	s.Choose(l, plan, list, s.Choice, view)
	return [2]int{view.Offset, view.Offset}
}

// MeasureStored takes what Record takes for so many pages of each kind.
func (l *Layout) MeasureStored(plan, bits *core.Room, pages int) {
	l.Measure(plan, pages)
	bits.Take(pages * l.work.PageTokens)
}
