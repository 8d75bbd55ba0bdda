package bench

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// paged is work of one list on the pages that a codec encoded: decode, choose_bits,
// demote or promote.
type paged struct {
	listed
	codec *codec
}

// newPaged encodes and records the case.
func newPaged(ctx context.Context, d device.Device, c Case) (work, error) {
	codec, err := newCodec(ctx, d, c)
	if err != nil {
		return nil, err
	}
	w := &paged{listed{buffers{device: d}, device.NewList(d)}, codec}
	if _, err = codec.run(ctx); err == nil {
		kernel := w.record()
		w.list.Mark(kernel.Name)
		if err = codec.err; err == nil {
			err = w.list.Err()
		}
	}
	if err != nil {
		w.release()
		return nil, err
	}
	return w, nil
}

func (w *paged) bytes() int64 { return w.codec.bytes() }

func (w *paged) release() {
	w.listed.release()
	w.codec.release()
}

// record records the case's kernel for all pages.
func (w *paged) record() *shaders.Kernel {
	switch c := w.codec; c.Op {
	case "decode":
		c.eachBatch(w.decode)
		return shaders.Decode
	case "choose_bits":
		w.chooseBits()
		return shaders.ChooseBits
	case "promote":
		supply := c.supply()
		c.eachBatch(func(first, pages int) { w.promote(first, pages, supply) })
		return shaders.Promote
	}
	w.codec.eachBatch(w.demote)
	return shaders.Repack
}

// decode reads pages into rows of the input type.
func (w *paged) decode(first, pages int) {
	c, jobs := w.codec, make([]shaders.DecodeJob, pages)
	for j, rows := range c.rowsAt(first, pages) {
		jobs[j] = shaders.DecodeJob{Page: c.pageAt[first+j], Rows: rows}
	}
	groups := pages * c.pageGroups()
	push := shaders.DecodePush{
		Groups: uint32(groups), GroupsPerJob: uint32(c.pageGroups()), GroupsPerToken: uint32(c.tokenGroups()),
		TokenStride: uint32(c.tokenWords()), RowCount: uint32(c.layout.Rows),
	}
	plan := c.upload("decode.plan", shaders.AppendJobs(nil, jobs...))
	c.dispatch(w.list, shaders.Decode, push.Bytes(), groups*c.layout.Rows, c.arena, plan, c.rows)
}

// chooseBits chooses the bits of all stored groups.
func (w *paged) chooseBits() {
	c := w.codec
	groups := c.pages() * c.pageGroups()
	push := shaders.ChooseBitsPush{
		Groups: uint32(groups), GroupsPerJob: uint32(c.pageGroups()), GroupsPerToken: uint32(c.tokenGroups()), MaxBits: 8,
	}
	bits := c.make("bits", groups, device.Download)
	c.dispatch(w.list, shaders.ChooseBits, push.Bytes(), groups, c.arena, c.rulePlan(c.pageAt), bits, c.weights(groups))
}

// target is where rewritten pages go: their number times their size.
func (c *codec) target() (b device.Buffer, size int) {
	size = shaders.AlignWords(c.layout.PageWords(c.page(c.To)))
	if c.rewritten == nil {
		c.rewritten = c.make("pages.new", c.pages()*size, device.DeviceLocal)
	}
	return c.rewritten, size
}

// demote rewrites pages at fewer bits.
func (w *paged) demote(first, pages int) {
	c, jobs := w.codec, make([]shaders.RepackJob, pages)
	target, size := c.target()
	for j := range jobs {
		jobs[j] = shaders.RepackJob{From: c.pageAt[first+j], To: uint32((first + j) * size)}
	}
	plan := c.upload("repack.plan", c.layout.RepackPlan(jobs, slices.Repeat([][]uint8{c.page(c.To)}, pages)))
	c.dispatch(w.list, shaders.Repack, shaders.RepackPush{Groups: uint32(c.pageGroups())}.Bytes(), pages, c.arena, plan, target)
}

// promote rewrites pages at more bits.
func (w *paged) promote(first, pages int, supply device.Buffer) {
	c, jobs := w.codec, make([]shaders.PromoteJob, pages)
	target, size := c.target()
	lacking := c.pageGroups() * c.layout.SupplyWords(c.Bits, c.To)
	for j := range jobs {
		jobs[j] = shaders.PromoteJob{From: c.pageAt[first+j], To: uint32((first + j) * size), Supply: uint32(j * lacking)}
	}
	plan := c.upload("promote.plan", c.layout.PromotePlan(jobs, slices.Repeat([][]uint8{c.page(c.To)}, pages)))
	c.dispatch(w.list, shaders.Promote, shaders.PromotePush{Groups: uint32(c.pageGroups())}.Bytes(), pages, c.arena, plan, supply, target)
}

// supply is what the pages of a batch lack, random planes.
func (c *codec) supply() device.Buffer {
	words, g := make([]uint32, batchPages*c.pageGroups()*c.layout.SupplyWords(c.Bits, c.To)), rand.New(rand.NewPCG(3, 4))
	for i := range words {
		words[i] = g.Uint32()
	}
	return c.upload("supply", words)
}
