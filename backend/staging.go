package backend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/attend"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/window"
	"github.com/qaqvk/qaqvk/shaders"
)

// Bounds of staging in words: it is a 64th part of the rows of a full sequence,
// but not below the one (128 KiB) or above the other (8 MiB).
const (
	minStaging  = 1 << 15
	minScratch  = 1 << 15
	maxStaging  = 1 << 21
	maxReadback = 1 << 20 // words of rows that one list returns (4 MiB)
)

// stagingWords are the words of a staging buffer.
func (c *Cache) stagingWords() int {
	return min(max(c.cfg.Capacity*c.work.TokenWords/64, minStaging), maxStaging)
}

// hostWords are the words of a buffer by which rows come to the host.
func (c *Cache) hostWords() int {
	return max(c.work.TokenWords, min(c.stagingWords()/2, c.cfg.PageTokens*c.work.TokenWords))
}

// makeStaging makes the buffers that calls work with.
func (c *Cache) makeStaging() error {
	w, words, align := c.work, c.stagingWords(), c.work.Limits.ViewAlign
	scratch, plan, out := c.scheme.staging()
	token := 2 * c.cfg.KVHeads * c.cfg.HeadDim // words of a token's f32 rows in a layer, K and V
	readback := min(c.cfg.Capacity*token, max(words, c.cfg.Capacity*w.TokenWords/8), maxReadback)
	outWords := max(readback, c.cfg.PageTokens*token, out) + 3*align
	if err := w.CheckView("ring", w.WholeRing()*w.TokenWords); err != nil {
		return err
	}
	err := w.Make(
		core.Wanted{At: &w.Rows, Label: "rows", Memory: device.Upload,
			Words: max(core.RoundUp(words/4, shaders.Align), window.Words(c.cfg.MaxStepTokens*token), w.PageGroups*w.Layout.RawGroupWords())},
		core.Wanted{At: &w.Plan, Label: "plan", Memory: device.Upload, Words: max(words, plan)},
		core.Wanted{At: &w.Scratch, Label: "scratch", Memory: device.DeviceLocal,
			Words: 2 * core.RoundUp(c.scratchWords(scratch, attend.Idle(w.Limits, outWords))/2, core.LCM(w.SlotStride, align))},
		core.Wanted{At: &w.Out, Label: "out", Memory: device.Download, Words: outWords},
		core.Wanted{At: &w.Clamped, Label: "clamped", Memory: device.Download, Words: 1},
	)
	if err == nil {
		clear(w.Clamped.Words())
	}
	return err
}

// reserveScratch is the part of a reserve that one query may have as scratch: as long as
// the reserve has room that no page has, it borrows the rest.
const reserveScratch = 64

// scratchWords are the words of the scratch: what was asked for, and at least what storing
// a page of K and one of V needs and what one query needs; and what makes calls of many
// queries fast, less what they can borrow of an empty reserve or have of so many idle words.
func (c *Cache) scratchWords(storing, idle int) int {
	g, l, reserve := c.work.Geometry, c.work.Limits, c.reserveWords()
	most := l.ViewWords
	switch whole := attend.LeastScratch(g, l, most); {
	case idle >= whole:
		most = 0
	case reserve > 0:
		most = max(minScratch, reserve/reserveScratch)
	}
	return max(minScratch, int(c.cfg.Scratch/4), attend.LeastScratch(g, l, most), storing,
		attend.UsefulScratch(g, l)-max(reserve/2, idle))
}

// reserveWords are the words of the reserve: as many as asked for, but no more
// than all sequences can fill, with a 16th for the room that adapting needs.
func (c *Cache) reserveWords() int {
	pages := int64((c.cfg.Capacity + c.cfg.PageTokens - 1) / c.cfg.PageTokens)
	most := int64(c.cfg.Sequences) * int64(c.work.LayerGroups) * pages * int64(2*evenPageWords(c.work.Geometry, shaders.Raw))
	return int(min((c.cfg.Reserve+3)/4, most+most/16))
}

// reserveSegments is in how many segments the reserve is: in as few as kernels
// can see.
func (c *Cache) reserveSegments() int {
	if c.cfg.reserveSegments > 0 {
		return c.cfg.reserveSegments
	}
	return (c.reserveWords() + c.work.Limits.ViewWords - 1) / c.work.Limits.ViewWords
}
