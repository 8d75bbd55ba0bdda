package store

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/choose"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/importance"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Ranged encodes pages by ranges and outliers.
type Ranged struct {
	Work       *core.Work
	Ring       core.Ring
	Importance *importance.Layout
	Choices    [2]*choose.Choice // by kind
}

// Fits tells whether n pages of each kind fit the buffers at once.
func (s *Ranged) Fits(n int) bool {
	_, fits := newLayout(s.Work, n)
	return fits
}

// Ends tells whether a batch must end with a layer group: one dispatch reduces the
// importance of layer groups of one view.
func (s *Ranged) Ends(layerGroup int) bool { return s.Importance.EndsView(layerGroup) }

// layout says where a batch of n pages of each kind has what. Of the scratch, each
// kind has a half: the bits of its groups, then, from slotBase on, their slots; at
// the end the weights of its groups.
type layout struct {
	n              int
	slots, weights [2]device.View // in the scratch
	bits           [2]device.View // in out
}

// slotBase is the word of the first slot behind the bits of groups.
func slotBase(groups int) int { return shaders.AlignWords(groups) }

// newLayout lays out a batch; false: it does not fit.
func newLayout(w *core.Work, n int) (layout, bool) {
	a, groups, align := layout{n: n}, n*w.PageGroups, w.Limits.ViewAlign
	half, behind := w.Scratch.Len()/2, core.RoundUp(groups, align)
	plan, fits := w.PlanRoom(), groups*2 <= w.Out.Len()
	for k := range a.slots {
		a.slots[k] = device.View{Buffer: w.Scratch, Offset: k * half, Words: half - behind}
		a.weights[k] = device.View{Buffer: w.Scratch, Offset: k*half + half - behind, Words: groups}
		a.bits[k] = device.View{Buffer: w.Out, Offset: k * groups, Words: groups}
		choose.MeasureInputs(w, plan, n)
		fits = fits && slotBase(groups)+groups*w.SlotStride <= half-behind
	}
	return a, fits && plan.Err() == nil && packFits(w, n)
}

// packFits tells whether the plans of pack fit for n pages of each kind, wherever
// they go.
func packFits(w *core.Work, n int) bool {
	return 2*n*core.RoundUp(packWords(w, 1), w.Limits.ViewAlign) <= w.Plan.Len()
}

// LeastScratch are the words of scratch that a page of each kind needs, LeastPlan
// those of a plan.
func LeastScratch(g *core.Geometry, align int) int {
	half := core.RoundUp(slotBase(g.PageGroups)+g.PageGroups*g.SlotStride, align) + core.RoundUp(g.PageGroups, align)
	return 2 * half
}

// LeastPlan are the words of the plans for a page of each kind.
func LeastPlan(w *core.Work) int {
	plan := core.Measuring(w.Limits.ViewAlign)
	for range 2 {
		choose.MeasureInputs(w, plan, 1)
	}
	return max(plan.Used(), 2*core.RoundUp(packWords(w, 1), w.Limits.ViewAlign))
}

// bitsRegion brings the bits of a kind to out.
func (a *layout) bitsRegion(k int) device.Region {
	return device.Region{Src: a.slots[k].Offset, Dst: a.bits[k].Offset, Words: a.bits[k].Words}
}

// Encode fills the slots of both kinds and brings their bits to out.
func (s *Ranged) Encode(batch []pages.ID) ([]Page, error) {
	a, _ := newLayout(s.Work, len(batch))
	for _, c := range s.Choices {
		if err := c.Ready(batch); err != nil {
			return nil, err
		}
	}
	err := s.Work.Run.Run("encode", func(l *device.List) {
		plan, in := s.Work.PlanRoom(), [2]choose.Inputs{}
		for k, c := range s.Choices {
			in[k] = c.Record(l, plan, batch, s.ringPlace(shaders.Kind(k)), a.weights[k])
		}
		l.Check(plan.Err())
		l.Mark("reduce_importance")
		l.Barrier(device.AllCommands, device.Shader)
		for k := range s.Choices {
			s.recordEncode(l, k, a, in[k])
		}
		l.Mark("encode")
		l.Barrier(device.Shader, device.Transfer)
		l.Copy(s.Work.Scratch, s.Work.Out, a.bitsRegion(0), a.bitsRegion(1))
	})
	return s.readBits(batch), err
}

// ringPlace gives the places in the ring of the rows of pages of a kind.
func (s *Ranged) ringPlace(kind shaders.Kind) func(pages.ID) uint32 {
	return func(p pages.ID) uint32 {
		layer, _ := s.Work.LayersOf(p.LayerGroup)
		return uint32(s.Ring.At(s.Work.Geometry, p.Page*s.Work.PageTokens, kind, layer))
	}
}

func (s *Ranged) recordEncode(l *device.List, kind int, a layout, in choose.Inputs) {
	w, rule, groups := s.Work, s.Choices[kind].Rule(), a.bits[kind].Words
	push := shaders.EncodePush{Groups: uint32(groups), GroupsPerJob: uint32(w.PageGroups),
		GroupsPerToken: uint32(w.TokenGroups), TokenStride: uint32(w.TokenWords),
		SlotBase: uint32(slotBase(groups)), SlotWords: uint32(w.SlotStride), Rule: 1,
		MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.Delta}
	core.Dispatch(l, w.Pipeline(shaders.Encode, w.Layout.Type, w.Layout.Type), push.Bytes(), groups,
		device.Whole(s.Ring.Buffer), in.Plan, a.slots[kind], in.Weights)
}

// readBits reads the bits of a batch: pages in the order of the batch, K before
// V of the same tokens, as they will lie in their segments.
func (s *Ranged) readBits(batch []pages.ID) []Page {
	n, words := s.Work.PageGroups, s.Work.Out.Words()
	encoded := make([]Page, 0, 2*len(batch))
	for i, p := range batch {
		for k := range s.Choices {
			encoded = append(encoded, Page{ID: pages.ID{Kind: shaders.Kind(k), LayerGroup: p.LayerGroup, Page: p.Page},
				Bits: shaders.BitsOf(words[(k*len(batch)+i)*n:][:n]), Unmet: shaders.CountUnmet(words[(k*len(batch)+i)*n:][:n])})
		}
	}
	return encoded
}

// packWords are the plan words of n pages in a dispatch of pack.
func packWords(w *core.Work, n int) int {
	return n * (shaders.PackJobWords + shaders.BitsWords(w.PageGroups))
}

// Pack records pack. Slots are in the order of the batch.
func (s *Ranged) Pack(l *device.List, plan *core.Room, to device.Buffer, encoded []Page, first, half int) {
	w := s.Work
	apart := w.Scratch.Len() / 2 / w.SlotStride
	jobs, bits := make([]shaders.PackJob, len(encoded)), make([][]uint8, len(encoded))
	for i, p := range encoded {
		slot := int(p.Kind)*apart + (first+i)/2*w.PageGroups
		jobs[i], bits[i] = shaders.PackJob{Slot: uint32(slot), Page: uint32(p.To.Pages[p.Kind].At)}, p.Bits
	}
	push := shaders.PackPush{Groups: uint32(w.PageGroups), SlotBase: uint32(slotBase(half * w.PageGroups)), SlotWords: uint32(w.SlotStride)}
	core.DispatchJobs(l, w.Pipeline(shaders.Pack, w.Layout.Type, w.Layout.Type), push.Bytes(), len(encoded),
		device.Whole(w.Scratch), plan.Put(w.Layout.PackPlan(jobs, bits)), device.Whole(to))
}
