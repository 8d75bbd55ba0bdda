package backend

import (
	"fmt"
	"sync"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// arena finds room for blocks: in the reserve, whose segments all units of all
// sequences share, or in segments of a unit. Adaptations do that beside the
// steps.
type arena struct {
	geo     *geometry
	dev     device.Device
	reserve []*segment
	total   tally // of all blocks, each counted once; for the goroutine of the cache

	mu       sync.Mutex
	words    int64 // of all segments
	segments int
}

// block is the pages of a chunk of one unit, K before V, side by side in a
// segment. Forks hold it together; what is in it never changes, where it lies
// may.
type block struct {
	seg     *segment
	pages   [2]span
	holders int
}

// span is all that a block takes.
func (b *block) span() span {
	return span{b.pages[shaders.Key].at, roundUp(b.pages[shaders.Value].end(), pageAlign) - b.pages[shaders.Key].at}
}

// sizes are the words of its pages.
func (b *block) sizes() [2]int {
	return [2]int{b.pages[shaders.Key].words, b.pages[shaders.Value].words}
}

// blockWords are the words of a block with pages of the given sizes.
func blockWords(sizes [2]int) int {
	return roundUp(sizes[shaders.Key], pageAlign) + roundUp(sizes[shaders.Value], pageAlign)
}

// layOut says where the pages of a block lie that begins at a word.
func layOut(at int, sizes [2]int) [2]span {
	return [2]span{{at, sizes[shaders.Key]}, {at + roundUp(sizes[shaders.Key], pageAlign), sizes[shaders.Value]}}
}

// allocateArena makes the reserve, in as few segments as kernels can see.
func (c *Cache) allocateArena() error {
	a := &c.arena
	a.geo, a.dev = &c.geo, c.dev
	words := c.reserveWords()
	if words == 0 {
		return nil
	}
	n := (words + a.dev.Limits().ViewWords - 1) / a.dev.Limits().ViewWords
	for i := range n {
		seg, err := a.newSegment(fmt.Sprintf("reserve.%d", i), words/n, true)
		if err != nil {
			return fmt.Errorf("backend: reserve of %d bytes: %w", 4*words, err)
		}
		a.reserve = append(a.reserve, seg)
	}
	return nil
}

// reserveWords are the words of the reserve: as many as asked for, but no more
// than all sequences can fill, with a 16th for the room that adapting needs.
func (c *Cache) reserveWords() int {
	chunks := int64((c.cfg.Capacity + c.cfg.PageTokens - 1) / c.cfg.PageTokens)
	most := int64(c.cfg.Sequences) * int64(c.geo.units) * chunks * int64(2*c.geo.evenPageWords(shaders.RawBits))
	return int(min((c.cfg.Reserve+3)/4, most+most/16))
}

// newSegment makes a segment.
func (a *arena) newSegment(label string, words int, reserved bool) (*segment, error) {
	b, err := a.dev.NewBuffer(label, roundUp(max(words, 1), pageAlign), device.DeviceLocal)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.words += int64(b.Len())
	a.segments++
	return newSegment(b, reserved), nil
}

// place finds room for a block of a unit: in the segment near it (nil: none) or
// in the reserve; nil where there is none.
func (a *arena) place(near *segment, unit int, sizes [2]int) *block {
	if near != nil {
		if b := a.placeIn(near, sizes); b != nil {
			return b
		}
	}
	n := len(a.reserve)
	for i := range n {
		if seg := a.reserve[(unit*n/a.geo.units+i)%n]; seg != near {
			if b := a.placeIn(seg, sizes); b != nil {
				return b
			}
		}
	}
	return nil
}

// placeAll finds room for blocks of a unit, for all or none.
func (a *arena) placeAll(near *segment, unit int, sizes [][2]int) []*block {
	var blocks []*block
	for _, size := range sizes {
		b := a.place(near, unit, size)
		if b == nil {
			a.freeAll(blocks)
			return nil
		}
		blocks, near = append(blocks, b), b.seg
	}
	return blocks
}

// placeIn finds room for a block in a segment; nil where there is none.
func (a *arena) placeIn(seg *segment, sizes [2]int) *block {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := seg.take(blockWords(sizes))
	if !ok {
		return nil
	}
	seg.blocks++
	return &block{seg, layOut(at, sizes), 1}
}

// free gives up the place of a block; a segment beside the reserve goes with its
// last block.
func (a *arena) free(b *block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b.seg.give(b.span())
	if b.seg.blocks--; b.seg.blocks == 0 && !b.seg.reserved {
		a.drop(b.seg)
	}
}

func (a *arena) freeAll(blocks []*block) {
	for _, b := range blocks {
		a.free(b)
	}
}

// drop frees the memory of a segment.
func (a *arena) drop(seg *segment) {
	a.words -= int64(seg.buffer.Len())
	a.segments--
	seg.buffer.Release()
}

// move puts a block where another one is, which goes.
func (a *arena) move(b, to *block) {
	a.free(b)
	b.seg, b.pages = to.seg, to.pages
}

// holds tells whether blocks are all that lies in their segment.
func (a *arena) holds(blocks []*block) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return blocks[0].seg.blocks == len(blocks)
}

// size are the words of all segments, and how many there are.
func (a *arena) size() (words int64, segments int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.words, a.segments
}

func (a *arena) reserveBytes() (n int64) {
	for _, seg := range a.reserve {
		n += 4 * int64(seg.buffer.Len())
	}
	return n
}

// close frees the reserve. No block lies in it any more.
func (a *arena) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, seg := range a.reserve {
		a.drop(seg)
	}
	a.reserve = nil
}
