package hostcache

import (
	"fmt"
	"math/bits"
)

// Rows returns the rows of a range, ordered by token, then by layer; it waits
// for pending ones. The bytes must not be changed and are valid until their row
// is truncated or dropped. The error wraps ErrRange, ErrNoRow or ErrClosed.
func (h *Cache) Rows(r Range) ([][]byte, error) {
	if err := h.check(r); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	waited := false
	var rows [][]byte
	for len(rows) < r.rows() {
		k := r.key(len(rows))
		v := h.find(k)
		switch {
		case v != nil && v.stored&k.bit() != 0:
			rows = append(rows, h.row(v, k))
		case v != nil && v.pending&k.bit() != 0:
			if !waited {
				h.stats.RowWaits++
			}
			waited, rows = true, nil // what was found may be gone after the wait
			h.changed.Wait()
		case h.isClosed:
			return nil, fmt.Errorf("hostcache: %v: %w", k, ErrClosed)
		default:
			return nil, fmt.Errorf("hostcache: %v: %w", k, ErrNoRow)
		}
	}
	return rows, nil
}

// Bytes are the bytes of the blocks of a sequence, shared ones included.
func (h *Cache) Bytes(id uint64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sequences[id]
	if s == nil {
		return 0
	}
	return int64(len(s.blocks)) * h.blockBytes()
}

// Drop removes a sequence, after its pending rows have arrived. A sequence
// that is not there is dropped already.
func (h *Cache) Drop(id uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.truncate(id, 0)
}

// Truncate removes the rows of a sequence from token tokens on, after its
// pending rows have arrived. The error is ErrRange.
func (h *Cache) Truncate(id uint64, tokens int) error {
	if tokens < 0 {
		return fmt.Errorf("hostcache: truncate to %d tokens: %w", tokens, ErrRange)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.truncate(id, tokens)
	return nil
}

// Remove removes the rows of a range, after pending ones have arrived. Rows that are
// not there are removed already. The error is ErrRange.
func (h *Cache) Remove(r Range) error {
	if err := h.check(r); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range r.rows() {
		k := r.key(i)
		v := h.find(k)
		for ; v != nil && v.pending&k.bit() != 0; v = h.find(k) {
			h.changed.Wait()
		}
		if v != nil {
			h.keep(r.Sequence, k.place(), ^k.bit())
		}
	}
	return nil
}

// keep removes the rows of a block but those of a mask, and the block with its last
// row.
func (h *Cache) keep(id uint64, p place, mask uint64) {
	s := h.sequences[id]
	v := s.blocks[p]
	h.stats.Rows -= bits.OnesCount64(v.stored &^ mask)
	if v.stored &= mask; v.stored|v.pending != 0 {
		return
	}
	delete(s.blocks, p)
	h.release(v.block)
	if len(s.blocks) == 0 {
		delete(h.sequences, id)
	}
}

func (h *Cache) truncate(id uint64, tokens int) {
	h.settle(id)
	s := h.sequences[id]
	if s == nil {
		return
	}
	for p := range s.blocks {
		if n := tokens - p.index*blockTokens; n < blockTokens {
			h.keep(id, p, 1<<max(n, 0)-1)
		}
	}
}
