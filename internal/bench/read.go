package bench

import (
	"context"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// reading is a case that starts from pages that the store has encoded and runs
// one list: decode, decide, demote or promote.
type reading struct {
	*store
	list *device.List
}

func newReading(ctx context.Context, d device.Device, c Case, tune map[string]uint32) (*reading, error) {
	s, err := newStore(ctx, d, c, tune)
	if err != nil {
		return nil, err
	}
	r := &reading{store: s, list: device.NewList(d)}
	if _, err := s.run(ctx); err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

func (r *reading) run(ctx context.Context) (sample, error) {
	var s sample
	start := time.Now()
	err := s.submit(ctx, r.device, r.list)
	s.wall = time.Since(start)
	return s, err
}

func (r *reading) release() {
	r.list.Release()
	r.store.release()
}

// plan makes an Upload buffer with the words.
func (r *reading) plan(label string, words []uint32) device.Buffer {
	b := r.buffers.make(label, len(words), device.Upload)
	if b != nil {
		copy(b.Words(), words)
	}
	return b
}

// finish marks the end of the list's dispatches and gives the first mistake.
func (r *reading) finish(kernel *shaders.Kernel) (work, error) {
	r.list.Mark(kernel.Name)
	err := r.buffers.err
	if err == nil {
		err = r.list.Err()
	}
	if err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// newDecode reads all pages into rows of the input type.
func newDecode(ctx context.Context, d device.Device, c Case, tune map[string]uint32) (work, error) {
	r, err := newReading(ctx, d, c, tune)
	if err != nil {
		return nil, err
	}
	for first := 0; first < r.pages(); first += batchPages {
		pages := min(batchPages, r.pages()-first)
		var words []uint32
		for j := range pages {
			words = shaders.DecodeJob{Page: uint32(r.pageAt[first+j]), Rows: uint32((first + j) * pageTokens * r.tokenWords())}.AppendTo(words)
		}
		plan := r.plan("decode.plan", words)
		if r.buffers.err != nil {
			break
		}
		groups := pages * r.groupsPerPage()
		push := shaders.DecodePush{
			Groups: uint32(groups), GroupsPerJob: uint32(r.groupsPerPage()), GroupsPerToken: uint32(r.groupsPerToken()),
			TokenStride: uint32(r.tokenWords()), RowFirst: 0, RowCount: uint32(r.layout.Rows),
		}
		r.list.Dispatch(device.Dispatch{
			Kernel: shaders.Decode, Spec: r.spec(shaders.Decode), Push: push.Bytes(),
			Workgroups: r.workgroups(shaders.Decode, groups*r.layout.Rows),
			Views:      []device.View{device.Whole(r.arena), device.Whole(plan), device.Whole(r.rows)},
		})
	}
	return r.finish(shaders.Decode)
}

// newDecide decides the bits of all stored groups.
func newDecide(ctx context.Context, d device.Device, c Case, tune map[string]uint32) (work, error) {
	r, err := newReading(ctx, d, c, tune)
	if err != nil {
		return nil, err
	}
	groups := r.pages() * r.groupsPerPage()
	at := make([]uint32, r.pages())
	for j := range at {
		at[j] = uint32(r.pageAt[j])
	}
	words := r.rulePlan(at)
	plan, bits := r.plan("decide.plan", words), r.buffers.make("decide.bits", groups, device.Download)
	want := r.weights("decide.want", groups)
	if r.buffers.err == nil {
		push := shaders.ChooseBitsPush{
			Groups: uint32(groups), GroupsPerJob: uint32(r.groupsPerPage()), GroupsPerToken: uint32(r.groupsPerToken()),
			MinBits: 0, MaxBits: 8,
		}
		r.list.Dispatch(device.Dispatch{
			Kernel: shaders.ChooseBits, Spec: r.spec(shaders.ChooseBits), Push: push.Bytes(),
			Workgroups: r.workgroups(shaders.ChooseBits, groups),
			Views:      []device.View{device.Whole(r.arena), device.Whole(plan), device.Whole(bits), device.Whole(want)},
		})
	}
	return r.finish(shaders.ChooseBits)
}
