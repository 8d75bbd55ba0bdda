package choose

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Stored chooses the bits of stored groups, by kind; nil: those of the kind never
// change.
type Stored [2]*Choice

// Measure takes what choosing the bits of n pages of each kind takes.
func (c *Chooser) Measure(plan, bits *core.Room, n int) {
	for range 2 {
		MeasureInputs(c.work, plan, n)
		bits.Take(n * c.work.PageGroups)
	}
}

// idsOf are the pages of a kind.
func idsOf(k shaders.Kind, c adapt.Chosen) (list []pages.ID) {
	for i := range c.Pairs {
		list = append(list, pages.ID{Kind: k, LayerGroup: c.LayerGroup, Page: c.First + i})
	}
	return list
}

// Ready asks the policy, where it gives weights itself.
func (s Stored) Ready(c adapt.Chosen) error {
	for k, choice := range s {
		if choice == nil {
			continue
		}
		if err := choice.Ready(idsOf(shaders.Kind(k), c)); err != nil {
			return err
		}
	}
	return nil
}

// Record records choose_bits for the kinds whose bits may change.
func (s Stored) Record(l *device.List, plan, bits *core.Room, c adapt.Chosen) (at [2]int) {
	for k, choice := range s {
		at[k] = -1
		if choice != nil {
			view := bits.Take(len(c.Pairs) * choice.work.PageGroups)
			at[k] = view.Offset
			choice.recordStored(l, plan, shaders.Kind(k), c, view)
		}
	}
	return at
}

// recordStored records the choice of the bits of pages of a kind. Weights that are
// made on the device lie in the scratch where the bits lie in theirs.
func (j *Choice) recordStored(l *device.List, plan *core.Room, k shaders.Kind, c adapt.Chosen, bits device.View) {
	w, rule := j.work, j.Rule()
	at := func(p pages.ID) uint32 { return uint32(c.Pairs[p.Page-c.First].Pages[p.Kind].At) }
	in := j.Record(l, plan, idsOf(k, c), at, device.View{Buffer: w.Scratch, Offset: bits.Offset, Words: bits.Words})
	l.Barrier(device.AllCommands, device.Shader)
	push := shaders.ChooseBitsPush{Groups: uint32(bits.Words), GroupsPerJob: uint32(w.PageGroups),
		GroupsPerToken: uint32(w.TokenGroups), MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.Delta}
	core.Dispatch(l, w.Pipeline(shaders.ChooseBits, w.Layout.Type, w.Layout.Type), push.Bytes(), bits.Words,
		device.Whole(c.Pairs[0].Segment.Buffer), in.Plan, bits, in.Weights)
}
