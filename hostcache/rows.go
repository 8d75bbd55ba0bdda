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

func (h *Cache) truncate(id uint64, tokens int) {
	h.settle(id)
	s := h.sequences[id]
	if s == nil {
		return
	}
	for p, v := range s.blocks {
		keep := uint64(0)
		switch first := p.index * blockTokens; {
		case first+blockTokens <= tokens:
			continue
		case first < tokens:
			keep = 1<<(tokens-first) - 1
		}
		h.stats.Rows -= bits.OnesCount64(v.stored &^ keep)
		v.stored &= keep
		if v.stored == 0 {
			delete(s.blocks, p)
			h.release(v.block)
		}
	}
	if len(s.blocks) == 0 {
		delete(h.sequences, id)
	}
}
