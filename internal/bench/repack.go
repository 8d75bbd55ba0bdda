package bench

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// newRepack rewrites all pages at Case.To bits, into a second arena: demote by
// repack, promote with what the host would supply (here random planes).
func newRepack(ctx context.Context, d device.Device, c Case, tune map[string]uint32) (work, error) {
	r, err := newReading(ctx, d, c, tune)
	if err != nil {
		return nil, err
	}
	target := r.buffers.make("pages.new", r.arena.Len(), device.DeviceLocal)
	supply := r.supply(d, c)
	for first := 0; first < r.pages() && r.buffers.err == nil; first += batchPages {
		pages := min(batchPages, r.pages()-first)
		plan := r.plan("repack.plan", r.repackPlan(first, pages))
		if r.buffers.err == nil {
			r.list.Dispatch(r.repackDispatch(plan, target, supply, pages))
		}
	}
	return r.finish(r.kernel())
}

func (r *reading) kernel() *shaders.Kernel {
	if r.To > r.Bits {
		return shaders.Promote
	}
	return shaders.Repack
}

// supply holds the missing planes of batchPages pages; nil when none is missing.
func (r *reading) supply(d device.Device, c Case) device.Buffer {
	words := batchPages * r.groupsPerPage() * r.layout.SupplyWords(c.Bits, c.To)
	if words == 0 {
		return nil
	}
	b := r.buffers.make("supply", words, device.Upload)
	if b != nil {
		g := rand.New(rand.NewPCG(3, 4))
		for i := range b.Words() {
			b.Words()[i] = g.Uint32()
		}
	}
	return b
}

// repackPlan has the jobs of pages, then their bits words.
func (r *reading) repackPlan(first, pages int) []uint32 {
	bits := make([]uint8, r.groupsPerPage())
	for i := range bits {
		bits[i] = r.To
	}
	size, supply := align(r.layout.PageWords(bits), 4), r.groupsPerPage()*r.layout.SupplyWords(r.Bits, r.To)
	repacks, promotes := make([]shaders.RepackJob, pages), make([]shaders.PromoteJob, pages)
	for j := range pages {
		from, to := uint32(r.pageAt[first+j]), uint32((first+j)*size)
		repacks[j] = shaders.RepackJob{From: from, To: to}
		promotes[j] = shaders.PromoteJob{From: from, To: to, Supply: uint32(j * supply)}
	}
	if r.kernel() == shaders.Promote {
		return r.layout.PromotePlan(promotes, slices.Repeat([][]uint8{bits}, pages))
	}
	return r.layout.RepackPlan(repacks, slices.Repeat([][]uint8{bits}, pages))
}

func (r *reading) repackDispatch(plan, target, supply device.Buffer, pages int) device.Dispatch {
	dispatch := device.Dispatch{
		Kernel: r.kernel(), Spec: r.spec(r.kernel()), Workgroups: uint32(pages),
		Push:  shaders.RepackPush{Groups: uint32(r.groupsPerPage())}.Bytes(),
		Views: []device.View{device.Whole(r.arena), device.Whole(plan), device.Whole(target)},
	}
	if supply != nil {
		dispatch.Push = shaders.PromotePush{Groups: uint32(r.groupsPerPage())}.Bytes()
		dispatch.Views = []device.View{device.Whole(r.arena), device.Whole(plan), device.Whole(supply), device.Whole(target)}
	}
	return dispatch
}
