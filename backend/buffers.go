package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// buffers are the device buffers of a cache beside the slabs of its pages. All
// but the ring are staging, bounded whatever the cache holds.
type buffers struct {
	ring    Buffer // recent window: [slot][K, V][layer][KV head][D] of the cache's type
	rows    Buffer // upload: appended rows; what promotions lack
	plan    Buffer // upload: plans of the dispatches of a list
	scratch Buffer // device: slots of encode, K in the first half, V in the second
	out     Buffer // download: rows that are read, bits
}

// Bounds of staging in words: it is a 64th part of the rows of a full cache,
// but not below the one (128 KiB) or above the other (8 MiB).
const (
	minStaging  = 1 << 15
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
	half := max(staging/2, g.pageGroups*(1+g.slotStride))
	token := 2 * c.cfg.KVHeads * c.cfg.HeadDim // words of a token's f32 rows in a layer, K and V
	readback := min(c.cfg.Capacity*token, max(staging, c.cfg.Capacity*g.slotWords()/8), maxReadback)
	for _, b := range []struct {
		at     *Buffer
		label  string
		words  int
		memory Memory
	}{
		{&c.ring, "ring", g.slots * g.slotWords(), DeviceLocal},
		{&c.rows, "rows", max(roundUp(staging/4, shaders.Align), c.cfg.MaxAppend*token, g.pageGroups*raw), Upload},
		{&c.plan, "plan", max(staging, 4*c.jobWords(align)), Upload},
		{&c.scratch, "scratch", 2 * roundUp(half, lcm(g.slotStride, align)), DeviceLocal},
		{&c.out, "out", max(readback, c.cfg.PageTokens*token, 2*roundUp(g.pageGroups, align), g.pageGroups*g.layout.RangeWords()) + 3*align, Download},
	} {
		if limit := c.dev.Limits().ViewWords; b.words > limit {
			return fmt.Errorf("backend: %s of %d words: the device limits a storage buffer to %d: %w", b.label, b.words, limit, ErrConfig)
		}
		made, err := c.dev.NewBuffer(b.label, b.words, b.memory)
		if err != nil {
			return fmt.Errorf("backend: new cache: %w", err)
		}
		*b.at = made
	}
	var err error
	slot := max(g.slotWords(), min(staging/2, c.cfg.PageTokens*g.slotWords()))
	if c.host, err = newHostRows(c.dev, c.cfg, g, slot); err != nil {
		return fmt.Errorf("backend: new cache: %w", err)
	}
	return nil
}

// jobWords bounds the plan words of one job of any kernel, with the loss to the
// alignment of a dispatch of its own.
func (c *Cache) jobWords(align int) int {
	g := &c.geo
	return align + 8 + g.tokenGroups + g.pageGroups
}

func (b *buffers) all() []Buffer { return []Buffer{b.ring, b.rows, b.plan, b.scratch, b.out} }

func (b *buffers) release() {
	for _, one := range b.all() {
		if one != nil {
			one.Release()
		}
	}
}

// stagingBytes are the bytes of all buffers but the ring.
func (b *buffers) stagingBytes() int64 {
	var words int64
	for _, one := range b.all()[1:] {
		words += int64(one.Len())
	}
	return 4 * words
}

// planner lays plans out in the plan buffer, each at an aligned place.
type planner struct {
	buffer Buffer
	align  int
	at     int
}

func (c *Cache) newPlanner() *planner {
	return &planner{buffer: c.plan, align: c.dev.Limits().ViewAlign}
}

// add copies words in and returns their view.
func (p *planner) add(words []uint32) View {
	v := View{Buffer: p.buffer, Offset: p.at, Words: len(words)}
	copy(p.buffer.Words()[p.at:], words)
	p.at = roundUp(p.at+len(words), p.align)
	return v
}
