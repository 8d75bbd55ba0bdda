package codec

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// Ranged is the paper's codec: range and outliers in each group (doc.go of
// shaders).
type Ranged struct{ work *core.Work }

// NewRanged is the ranged codec of a cache.
func NewRanged(w *core.Work) *Ranged { return &Ranged{w} }

// PageWords is the size of a page whose groups have the given bits.
func (c *Ranged) PageWords(_ pages.ID, bits []uint8) int { return c.work.Layout.PageWords(bits) }

// RewriteWords are the plan words of n pages in a dispatch of repack or promote.
func (c *Ranged) RewriteWords(n, _ int, promote bool) int {
	job := shaders.RepackJobWords
	if promote {
		job = shaders.PromoteJobWords
	}
	return n * (job + shaders.BitsWords(c.work.PageGroups))
}

// Rewrite records repack or promote.
func (c *Ranged) Rewrite(l *device.List, plan *core.Room, list []Rewrite, promote bool, src, dst, supply device.Buffer) {
	var repacks []shaders.RepackJob
	var promotes []shaders.PromoteJob
	var bits [][]uint8
	for _, r := range list {
		repacks = append(repacks, shaders.RepackJob{From: uint32(r.From), To: uint32(r.To)})
		promotes = append(promotes, shaders.PromoteJob{From: uint32(r.From), To: uint32(r.To), Supply: uint32(r.Supply)})
		bits = append(bits, r.Bits)
	}
	layout, groups := c.work.Layout, uint32(c.work.PageGroups)
	if promote {
		core.DispatchJobs(l, c.pipeline(shaders.Promote), shaders.PromotePush{Groups: groups}.Bytes(), len(list), device.Whole(src),
			plan.Put(layout.PromotePlan(promotes, bits)), device.Whole(supply), device.Whole(dst))
		return
	}
	core.DispatchJobs(l, c.pipeline(shaders.Repack), shaders.RepackPush{Groups: groups}.Bytes(), len(list), device.Whole(src),
		plan.Put(layout.RepackPlan(repacks, bits)), device.Whole(dst))
}

func (c *Ranged) pipeline(k *shaders.Kernel) shaders.Pipeline {
	return c.work.Pipeline(k, c.work.Layout.Type, c.work.Layout.Type)
}

// SupplyWords are the words that a group lacks: its missing planes or raw rows.
func (c *Ranged) SupplyWords(_ pages.ID, from, to uint8) int {
	return c.work.Layout.SupplyWords(from, to)
}

// RangeWords are the words of the ranges of a page.
func (c *Ranged) RangeWords() int { return c.work.PageGroups * c.work.Layout.RangeWords() }

// RangesAt is where they begin.
func (c *Ranged) RangesAt() int { return c.work.Layout.RangesAt(c.work.PageGroups) }

// Supplier is the codec itself.
func (c *Ranged) Supplier() Supplier { return c }

// Supply computes missing planes on the host. For a bit more of 128 f16 elements
// that is 2.6 µs of a core while steps go on (BenchmarkSupply in cpuref) and 16
// bytes to the device. Quantizing on the device would take 256 bytes and, on
// llvmpipe, encode's 0.7 µs of both cores that attend.
func (c *Ranged) Supply(_ pages.ID, group int, ranges, rows []uint32, from, to uint8, out []uint32) (int, error) {
	n := c.work.Layout.RangeWords()
	return cpuref.Supply(c.work.Layout, ranges[group*n:][:n], rows, from, to, out)
}

// DecodeWords are the plan words of n pages in a dispatch of decode.
func (c *Ranged) DecodeWords(n int) int { return n * shaders.DecodeJobWords }

// Decode records decode.
func (c *Ranged) Decode(l *device.List, plan *core.Room, list []Decode, layer int, out uint32, stride int, src device.Buffer, rows device.View) {
	w, jobs := c.work, make([]shaders.DecodeJob, len(list))
	for i, d := range list {
		jobs[i] = shaders.DecodeJob{Page: uint32(d.At), Rows: uint32(d.Rows)}
	}
	rowFirst, rowCount := 0, w.Layout.Rows
	if w.LayerGroups < w.Layers {
		rowFirst, rowCount = layer*w.KVHeads, w.KVHeads
	}
	groups := len(list) * w.PageGroups
	push := shaders.DecodePush{Groups: uint32(groups), GroupsPerJob: uint32(w.PageGroups),
		GroupsPerToken: uint32(w.TokenGroups), TokenStride: uint32(stride),
		RowFirst: uint32(rowFirst), RowCount: uint32(rowCount)}
	core.Dispatch(l, w.Pipeline(shaders.Decode, w.Layout.Type, out), push.Bytes(), groups*rowCount,
		device.Whole(src), plan.Put(shaders.AppendJobs(nil, jobs...)), rows)
}
