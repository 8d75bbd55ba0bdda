package store

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// packWords are the plan words of n pages in a dispatch of pack.
func packWords(w *core.Work, n int) int {
	return n * (shaders.PackJobWords + shaders.BitsWords(w.PageGroups))
}

// recordPack records the packing of pages: one dispatch for those in a row that
// go to the same segment. They are those from number first on of a batch that has
// half pages of each kind.
func (s *Storing) recordPack(l *device.List, growths []pages.Growth, encoded []page, first, half int) {
	copied := false
	for i := range growths {
		copied = growths[i].Record(l) || copied
	}
	if copied {
		l.Barrier(device.Transfer, device.Shader)
		l.Mark("grow")
	}
	plan := s.Work.PlanRoom()
	for at := 0; at < len(encoded); {
		end, to := at, encoded[at].to.Segment
		for end < len(encoded) && encoded[end].to.Segment == to {
			end++
		}
		if at > 0 && to.Reserved {
			l.Barrier(device.Shader, device.Shader)
		}
		s.recordPackSome(l, plan, to.Buffer, encoded[at:end], first+at, half)
		at = end
	}
	l.Check(plan.Err())
	l.Mark("pack")
}

// recordPackSome packs pages to a buffer; the first is number first of a batch
// that has half pages of each kind. Slots are in the order of the batch.
func (s *Storing) recordPackSome(l *device.List, plan *core.Room, to device.Buffer, encoded []page, first, half int) {
	w := s.Work
	apart := w.Scratch.Len() / 2 / w.SlotStride
	jobs, bits := make([]shaders.PackJob, len(encoded)), make([][]uint8, len(encoded))
	for i, p := range encoded {
		slot := int(p.Kind)*apart + (first+i)/2*w.PageGroups
		jobs[i], bits[i] = shaders.PackJob{Slot: uint32(slot), Page: uint32(p.to.Pages[p.Kind].At)}, p.bits
	}
	push := shaders.PackPush{Groups: uint32(w.PageGroups), SlotBase: uint32(slotBase(half * w.PageGroups)), SlotWords: uint32(w.SlotStride)}
	core.DispatchJobs(l, w.Pipeline(shaders.Pack, w.Layout.Type, w.Layout.Type), push.Bytes(), len(encoded),
		device.Whole(w.Scratch), plan.Put(w.Layout.PackPlan(jobs, bits)), device.Whole(to))
}
