package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// store holds rows on the device and encodes them into pages, batch by batch.
// Two batches are under way at a time: while the device encodes one, the host
// reads the bits of the other and finds room for its pages.
type store struct {
	config
	device  device.Device
	buffers buffers
	rows    device.Buffer // all rows, token by token
	arena   device.Buffer // all pages
	halves  [2]half
	batches []batch
	pageAt  []int // word of each page in the arena
	used    int   // words of the arena in use
}

// half is the staging of one batch.
type half struct {
	slots device.Buffer // bits of all groups, then the slots
	bits  device.Buffer // the bits, where the host reads them
}

// batch has the recorded work of batchPages pages.
type batch struct {
	first, pages int // pages
	half         *half
	encode, pack *device.List
	encoding     device.Ticket
	packPlan     device.Buffer
	groups       int
}

func newStore(ctx context.Context, d device.Device, c Case, tune map[string]uint32) (*store, error) {
	s := &store{config: newConfig(c, d.Limits(), tune), device: d, buffers: buffers{device: d}}
	if err := s.setUp(ctx); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

func (s *store) setUp(ctx context.Context) error {
	groups := batchPages * s.groupsPerPage()
	s.rows = s.buffers.make("rows", s.rowWords(), device.DeviceLocal)
	s.arena = s.buffers.make("pages", s.pages()*s.maxPage(), device.DeviceLocal)
	for i := range s.halves {
		s.halves[i] = half{
			slots: s.buffers.make("slots", s.slotBase()+groups*s.layout.SlotWords(), device.DeviceLocal),
			bits:  s.buffers.make("bits", groups, device.Download),
		}
	}
	if s.buffers.err != nil {
		return s.buffers.err
	}
	if err := fillRows(ctx, s.device, s.rows, s.Type); err != nil {
		return err
	}
	s.pageAt = make([]int, s.pages())
	for first := 0; first < s.pages(); first += batchPages {
		if err := s.addBatch(first, min(batchPages, s.pages()-first)); err != nil {
			return err
		}
	}
	return nil
}

// maxPage is the room that the arena has for a page, in words.
func (s *store) maxPage() int {
	bits := make([]uint8, s.groupsPerPage())
	for i := range bits {
		bits[i] = max(s.Bits, s.To)
	}
	return align(s.layout.PageWords(bits), 4)
}

// slotBase is the word of the first slot, behind the bits.
func (s *store) slotBase() int { return align(batchPages*s.groupsPerPage(), 64) }

func (s *store) addBatch(first, pages int) error {
	b := batch{
		first: first, pages: pages, half: &s.halves[len(s.batches)%2],
		groups: pages * s.groupsPerPage(),
		encode: device.NewList(s.device), pack: device.NewList(s.device),
	}
	plan := s.encodePlan(first, pages)
	planBuffer := s.buffers.make("encode.plan", len(plan), device.Upload)
	want := s.weights("encode.want", b.groups)
	b.packPlan = s.buffers.make("pack.plan", pages*(shaders.PackJobWords+shaders.BitsWords(s.groupsPerPage())), device.Upload)
	s.batches = append(s.batches, b)
	if s.buffers.err != nil {
		return s.buffers.err
	}
	copy(planBuffer.Words(), plan)
	s.recordEncode(b, planBuffer, want)
	s.recordPack(b)
	return nil
}

// encodePlan is jobs, then the limits of a token's groups. With MinBits =
// MaxBits the rule runs and gives those bits.
func (s *store) encodePlan(first, pages int) []uint32 {
	at := make([]uint32, pages)
	for j := range at {
		at[j] = uint32((first + j) * pageTokens * s.tokenWords())
	}
	return s.rulePlan(at)
}

// rulePlan has limits of 1.
func (c config) rulePlan(at []uint32) []uint32 {
	limits := slices.Repeat([]float32{1}, c.groupsPerToken())
	return shaders.RulePlan(at, slices.Repeat([][]float32{limits}, len(at)))
}

// weights is a buffer of weights, all of them 1, or -1 for the most bits.
func (s *store) weights(label string, groups int) device.Buffer {
	weight := float32(1)
	if s.Bits == shaders.Raw {
		weight = -1
	}
	b := s.buffers.make(label, groups, device.Upload)
	if b != nil {
		for i := range b.Words() {
			b.Words()[i] = math.Float32bits(weight)
		}
	}
	return b
}

func (s *store) recordEncode(b batch, plan, want device.Buffer) {
	push := shaders.EncodePush{
		Groups: uint32(b.groups), GroupsPerJob: uint32(s.groupsPerPage()), GroupsPerToken: uint32(s.groupsPerToken()),
		TokenStride: uint32(s.tokenWords()),
		SlotBase:    uint32(s.slotBase()), SlotWords: uint32(s.layout.SlotWords()),
		Rule: 1, MinBits: min(uint32(s.Bits), 8), MaxBits: uint32(s.Bits),
	}
	b.encode.Dispatch(device.Dispatch{
		Kernel: shaders.Encode, Spec: s.spec(shaders.Encode), Push: push.Bytes(),
		Workgroups: s.workgroups(shaders.Encode, b.groups),
		Views:      []device.View{device.Whole(s.rows), device.Whole(plan), device.Whole(b.half.slots), device.Whole(want)},
	})
	b.encode.Mark("encode")
	b.encode.Barrier(device.Shader, device.Transfer)
	b.encode.Copy(b.half.slots, b.half.bits, device.Region{Words: b.groups})
}

func (s *store) recordPack(b batch) {
	push := shaders.PackPush{
		Groups: uint32(s.groupsPerPage()), SlotBase: uint32(s.slotBase()), SlotWords: uint32(s.layout.SlotWords()),
	}
	b.pack.Dispatch(device.Dispatch{
		Kernel: shaders.Pack, Spec: s.spec(shaders.Pack), Push: push.Bytes(), Workgroups: uint32(b.pages),
		Views: []device.View{device.Whole(b.half.slots), device.Whole(b.packPlan), device.Whole(s.arena)},
	})
	b.pack.Mark("pack")
}

// run encodes all rows into pages.
func (s *store) run(ctx context.Context) (sample, error) {
	var out sample
	start := time.Now()
	s.used = 0
	if err := s.begin(0); err != nil {
		return out, err
	}
	var packs []device.Ticket
	for i := range s.batches {
		if i+1 < len(s.batches) {
			if err := s.begin(i + 1); err != nil {
				return out, err
			}
		}
		b := &s.batches[i]
		if err := out.wait(ctx, b.encoding); err != nil {
			return out, err
		}
		if err := s.place(b); err != nil {
			return out, err
		}
		t, err := s.device.Submit(b.pack)
		if err != nil {
			return out, err
		}
		packs = append(packs, t)
	}
	for _, t := range packs {
		if err := out.wait(ctx, t); err != nil {
			return out, err
		}
	}
	out.wall = time.Since(start)
	return out, nil
}

func (s *store) begin(i int) (err error) {
	s.batches[i].encoding, err = s.device.Submit(s.batches[i].encode)
	return err
}

// place reads a batch's bits, finds room for its pages and plans the packing.
func (s *store) place(b *batch) error {
	n, read := s.groupsPerPage(), b.half.bits.Words()
	jobs, bits := make([]shaders.PackJob, b.pages), make([][]uint8, b.pages)
	for j := range jobs {
		bits[j] = shaders.BitsOf(read[j*n:][:n])
		size := s.layout.PageWords(bits[j])
		if s.used+size > s.arena.Len() {
			return fmt.Errorf("page %d of %d words: the arena of %d words is full", b.first+j, size, s.arena.Len())
		}
		s.pageAt[b.first+j] = s.used
		jobs[j] = shaders.PackJob{Slot: uint32(j * n), Page: uint32(s.used)}
		s.used += align(size, 4)
	}
	copy(b.packPlan.Words(), s.layout.PackPlan(jobs, bits))
	return nil
}

func (s *store) bytes() int64 { return 4 * int64(s.used) }

func (s *store) release() {
	for _, b := range s.batches {
		b.encode.Release()
		b.pack.Release()
	}
	s.buffers.release()
}
