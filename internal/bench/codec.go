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

// codec is rows on the device and their pages. Its run encodes the rows, batch by
// batch; two are under way at a time: while the device encodes one, the host
// reads the bits of the other and finds room for its pages.
type codec struct {
	Case
	buffers
	layout  shaders.Layout
	rows    device.Buffer // all rows, token by token
	arena   device.Buffer // all pages
	halves  [2]half
	batches []*batch
	pageAt  []uint32 // word of each page in the arena
	used    int      // words of the arena in use

	rewritten device.Buffer // pages at other bits
}

// half is the staging of one batch.
type half struct {
	slots device.Buffer // bits of all groups, then the slots
	bits  device.Buffer // the bits, where the host reads them
}

// batch has the recorded work of some pages.
type batch struct {
	half
	first, pages int
	encode, pack *device.List
	encoding     device.Ticket
	plan         device.Buffer // of pack
}

func newCodec(ctx context.Context, d device.Device, c Case) (*codec, error) {
	rows := 1
	if c.Layer {
		rows = kvHeads
	}
	low, high := shaders.Outliers(c.Alpha, rows*c.HeadDim)
	w := &codec{Case: c, buffers: buffers{device: d}, layout: shaders.Layout{
		Type: c.Type, HeadDim: c.HeadDim, Rows: rows, Low: low, High: high,
	}}
	if err := w.setUp(ctx); err != nil {
		w.release()
		return nil, err
	}
	return w, nil
}

func (w *codec) pages() int       { return w.Elements / w.HeadDim / kvHeads / pageTokens }
func (w *codec) tokenWords() int  { return kvHeads * w.layout.RawRowWords() }
func (w *codec) tokenGroups() int { return kvHeads / w.layout.Rows }
func (w *codec) pageGroups() int  { return pageTokens * w.tokenGroups() }
func (w *codec) slotBase() int    { return shaders.AlignWords(batchPages * w.pageGroups()) }

// page is the bits of a page whose groups all have the same.
func (w *codec) page(bits uint8) []uint8 { return slices.Repeat([]uint8{bits}, w.pageGroups()) }

func (w *codec) setUp(ctx context.Context) error {
	groups := batchPages * w.pageGroups()
	room := shaders.AlignWords(w.layout.PageWords(w.page(max(w.Bits, w.To))))
	w.rows = w.make("rows", w.pages()*pageTokens*w.tokenWords(), device.DeviceLocal)
	w.arena = w.make("pages", w.pages()*room, device.DeviceLocal)
	for i := range w.halves {
		w.halves[i] = half{
			w.make("slots", w.slotBase()+groups*w.layout.SlotWords(), device.DeviceLocal),
			w.make("bits", groups, device.Download),
		}
	}
	if w.err == nil {
		w.err = fillRows(ctx, w.device, w.rows, w.Type)
	}
	w.pageAt = make([]uint32, w.pages())
	w.eachBatch(w.addBatch)
	return w.err
}

// eachBatch calls f for batches of pages until a buffer cannot be made.
func (w *codec) eachBatch(f func(first, pages int)) {
	for first := 0; first < w.pages() && w.err == nil; first += batchPages {
		f(first, min(batchPages, w.pages()-first))
	}
}

// dispatch records a kernel as the cache builds it, for so many items; pack,
// repack and promote have one a workgroup.
func (w *codec) dispatch(l *device.List, k *shaders.Kernel, push []byte, items int, buffers ...device.Buffer) {
	if w.err != nil {
		return
	}
	p := shaders.Specialize(k, w.device.Limits().Target(), shaders.Setting{Layout: w.layout, Out: w.Type}).Tune(w.tune)
	d := device.Dispatch{Kernel: k, Spec: p.Words(), Push: push, Workgroups: p.Workgroups(items)}
	if k == shaders.Pack || k == shaders.Repack || k == shaders.Promote {
		d.Workgroups = uint32(items)
	}
	for _, b := range buffers {
		d.Views = append(d.Views, device.Whole(b))
	}
	l.Dispatch(d)
}

func (w *codec) addBatch(first, pages int) {
	b := &batch{half: w.halves[len(w.batches)%2], first: first, pages: pages,
		encode: device.NewList(w.device), pack: device.NewList(w.device)}
	w.batches = append(w.batches, b)
	groups, slots := pages*w.pageGroups(), uint32(w.layout.SlotWords())
	b.plan = w.make("pack.plan", pages*(shaders.PackJobWords+shaders.BitsWords(w.pageGroups())), device.Upload)
	// With MinBits = MaxBits the rule runs and gives those bits.
	encode := shaders.EncodePush{
		Groups: uint32(groups), GroupsPerJob: uint32(w.pageGroups()), GroupsPerToken: uint32(w.tokenGroups()),
		TokenStride: uint32(w.tokenWords()), SlotBase: uint32(w.slotBase()), SlotWords: slots,
		Rule: 1, MinBits: min(uint32(w.Bits), 8), MaxBits: uint32(w.Bits),
	}
	w.dispatch(b.encode, shaders.Encode, encode.Bytes(), groups, w.rows, w.rulePlan(w.rowsAt(first, pages)), b.slots, w.weights(groups))
	b.encode.Mark("encode")
	b.encode.Barrier(device.Shader, device.Transfer)
	b.encode.Copy(b.slots, b.bits, device.Region{Words: groups})
	pack := shaders.PackPush{Groups: uint32(w.pageGroups()), SlotBase: uint32(w.slotBase()), SlotWords: slots}
	w.dispatch(b.pack, shaders.Pack, pack.Bytes(), pages, b.slots, b.plan, w.arena)
	b.pack.Mark("pack")
}

// rowsAt are the words of the first rows of pages.
func (w *codec) rowsAt(first, pages int) []uint32 {
	at := make([]uint32, pages)
	for j := range at {
		at[j] = uint32((first + j) * pageTokens * w.tokenWords())
	}
	return at
}

// rulePlan has limits of 1 for pages at the given places.
func (w *codec) rulePlan(at []uint32) device.Buffer {
	limits := slices.Repeat([]float32{1}, w.tokenGroups())
	return w.upload("rule.plan", shaders.RulePlan(at, slices.Repeat([][]float32{limits}, len(at))))
}

// weights are 1, or -1 for the most bits.
func (w *codec) weights(groups int) device.Buffer {
	weight := float32(1)
	if w.Bits == shaders.Raw {
		weight = -1
	}
	return w.upload("weights", slices.Repeat([]uint32{math.Float32bits(weight)}, groups))
}

// run encodes all rows into pages.
func (w *codec) run(ctx context.Context) (out sample, err error) {
	start := time.Now()
	w.used = 0
	if err := w.begin(0); err != nil {
		return out, err
	}
	var packs []device.Ticket
	for i, b := range w.batches {
		if err := w.begin(i + 1); err != nil {
			return out, err
		}
		if err := out.wait(ctx, b.encoding); err != nil {
			return out, err
		}
		if err := w.place(b); err != nil {
			return out, err
		}
		t, err := w.device.Submit(b.pack)
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

// begin starts a batch, if there is one.
func (w *codec) begin(i int) (err error) {
	if i < len(w.batches) {
		w.batches[i].encoding, err = w.device.Submit(w.batches[i].encode)
	}
	return err
}

// place reads a batch's bits, finds room for its pages and plans the packing.
func (w *codec) place(b *batch) error {
	n, words := w.pageGroups(), b.bits.Words()
	jobs, bits := make([]shaders.PackJob, b.pages), make([][]uint8, b.pages)
	for j := range jobs {
		bits[j] = shaders.BitsOf(words[j*n:][:n])
		size := w.layout.PageWords(bits[j])
		if w.used+size > w.arena.Len() {
			return fmt.Errorf("page %d of %d words: the arena of %d words is full", b.first+j, size, w.arena.Len())
		}
		w.pageAt[b.first+j] = uint32(w.used)
		jobs[j] = shaders.PackJob{Slot: uint32(j * n), Page: uint32(w.used)}
		w.used += shaders.AlignWords(size)
	}
	copy(b.plan.Words(), w.layout.PackPlan(jobs, bits))
	return nil
}

func (w *codec) bytes() int64 { return 4 * int64(w.used) }

func (w *codec) release() {
	for _, b := range w.batches {
		b.encode.Release()
		b.pack.Release()
	}
	w.buffers.release()
}
