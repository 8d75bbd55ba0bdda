package hostcache

import (
	"fmt"
	"math/bits"
)

// Fork gives sequence to the rows of sequence from, after its pending rows have
// arrived. Both share the memory of the rows, which counts once; a block is
// copied, and counts again, when one of them publishes rows in it. The error
// wraps ErrClosed, or ErrStored when to has rows.
func (h *Cache) Fork(from, to uint64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle(from)
	if h.isClosed {
		return fmt.Errorf("hostcache: fork: %w", ErrClosed)
	}
	if h.sequences[to] != nil {
		return fmt.Errorf("hostcache: fork sequence %d to %d, which has rows: %w", from, to, ErrStored)
	}
	s := h.sequences[from]
	if s == nil {
		return nil
	}
	f := &sequence{blocks: make(map[place]*view, len(s.blocks))}
	for p, v := range s.blocks {
		v.holders++
		v.shared = true
		f.blocks[p] = &view{block: v.block, stored: v.stored}
		h.stats.Rows += bits.OnesCount64(v.stored)
	}
	h.sequences[to] = f
	return nil
}

// settle waits until no row of a sequence is pending.
func (h *Cache) settle(id uint64) {
	for h.sequences[id] != nil && h.sequences[id].pending > 0 {
		h.changed.Wait()
	}
}
