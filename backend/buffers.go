package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// buffers are the device buffers that sequences share for work on the way,
// bounded whatever the cache holds.
type buffers struct {
	rows    device.Buffer // upload: appended rows; what promotions lack
	plan    device.Buffer // upload: plans of the dispatches of a list
	scratch device.Buffer // device: slots of encode, K in the first half, V in the second
	out     device.Buffer // download: rows that are read, bits
	attending
}

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
	return min(max(c.cfg.Capacity*c.geo.slotWords()/64, minStaging), maxStaging)
}

// allocate makes the buffers. On an error, those made are left for release.
func (c *Cache) allocate() error {
	g, staging, align := &c.geo, c.stagingWords(), c.dev.Limits().ViewAlign
	raw := g.layout.RawGroupWords()
	half := c.scratchWords() / 2
	token := 2 * c.cfg.KVHeads * c.cfg.HeadDim // words of a token's f32 rows in a layer, K and V
	readback := min(c.cfg.Capacity*token, max(staging, c.cfg.Capacity*g.slotWords()/8), maxReadback)
	if err := c.checkView("ring", g.slots*g.slotWords()); err != nil {
		return err
	}
	for _, b := range []struct {
		at     *device.Buffer
		label  string
		words  int
		memory device.Memory
	}{
		{&c.rows, "rows", max(roundUp(staging/4, shaders.Align), stagedHead+c.cfg.MaxAppend*token, g.pageGroups*raw), device.Upload},
		{&c.plan, "plan", max(staging, 4*c.jobWords(align)), device.Upload},
		{&c.scratch, "scratch", 2 * roundUp(half, lcm(g.slotStride, align)), device.DeviceLocal},
		{&c.out, "out", max(readback, c.cfg.PageTokens*token, 2*roundUp(g.pageGroups, align), g.pageGroups*g.layout.RangeWords()) + 3*align, device.Download},
	} {
		if err := c.newBuffer(b.at, b.label, b.words, b.memory); err != nil {
			return err
		}
	}
	if err := c.pool.allocate(c, max(g.slotWords(), min(staging/2, c.cfg.PageTokens*g.slotWords()))); err != nil {
		return fmt.Errorf("backend: new cache: %w", err)
	}
	return c.allocateAttending(c)
}

// scratchPart of the rows of a full sequence is the scratch: 2 % of pages of a
// quarter of their size.
const scratchPart = 200

// scratchWords are the words of the scratch: at least what encode needs for a
// page of K and one of V, and what one query of one KV head needs.
func (c *Cache) scratchWords() int {
	g, least := &c.geo, minScratch
	if c.cfg.QueryHeads > 0 {
		stride := roundUp(c.cfg.Capacity, shaders.SplitTokens) + shaders.SplitTokens
		least = max(least, newAttendLayout(g, c.dev.Limits(), c.cfg.perHead(), 1, stride).words)
	}
	return max(least, c.cfg.Capacity*g.slotWords()/scratchPart, 2*(g.pageGroups*(2+g.slotStride)+encodeLoss*c.dev.Limits().ViewAlign))
}

// newBuffer makes a buffer that kernels see as a whole.
func (c *Cache) newBuffer(at *device.Buffer, label string, words int, m device.Memory) error {
	if err := c.checkView(label, words); err != nil {
		return err
	}
	made, err := c.dev.NewBuffer(label, words, m)
	if err != nil {
		return fmt.Errorf("backend: new cache: %w", err)
	}
	*at = made
	return nil
}

// checkView refuses buffers that no kernel can see as a whole.
func (c *Cache) checkView(label string, words int) error {
	if limit := c.dev.Limits().ViewWords; words > limit {
		return fmt.Errorf("backend: %s of %d words: the device limits a storage buffer to %d: %w", label, words, limit, policy.ErrConfig)
	}
	return nil
}

// jobWords bounds the plan words of one job of any kernel, with the loss to the
// alignment of a dispatch of its own.
func (c *Cache) jobWords(align int) int {
	g := &c.geo
	return max(align+8+g.tokenGroups+g.pageGroups, c.judgeWords())
}

func (b *buffers) all() []device.Buffer {
	return append([]device.Buffer{b.rows, b.plan, b.scratch, b.out}, b.attending.all()...)
}

func (c *Cache) releaseBuffers() {
	c.adapter.close()
	c.arena.close()
	c.pool.close()
	for _, one := range c.buffers.all() {
		if one != nil {
			one.Release()
		}
	}
}

// bytes are the bytes of all buffers.
func (b *buffers) bytes() int64 {
	var words int64
	for _, one := range b.all() {
		if one != nil {
			words += int64(one.Len())
		}
	}
	return 4 * words
}

// planner lays plans out in the plan buffer, each at an aligned place.
type planner struct {
	buffer device.Buffer
	align  int
	at     int
}

func (c *Cache) newPlanner() *planner {
	return &planner{buffer: c.plan, align: c.dev.Limits().ViewAlign}
}

// add copies words in and returns their view.
func (p *planner) add(words []uint32) device.View {
	v := device.View{Buffer: p.buffer, Offset: p.at, Words: len(words)}
	copy(p.buffer.Words()[p.at:], words)
	p.at = roundUp(p.at+len(words), p.align)
	return v
}
