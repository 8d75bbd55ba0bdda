package hostcache

import (
	"fmt"
	"math/bits"
)

// Row returns a row, waiting until it has arrived if it is pending. The bytes
// must not be changed and are valid until the row is truncated or dropped. The
// error wraps ErrRange, ErrNoRow or ErrClosed.
func (h *Cache) Row(k Key) ([]byte, error) {
	rows, err := h.Rows(k.asRange())
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// Rows returns the rows of a range, ordered by token, then by layer, like Row.
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
		c := h.find(k)
		switch {
		case c != nil && c.stored&k.bit() != 0:
			rows = append(rows, h.row(c, k))
		case c != nil && c.pending&k.bit() != 0:
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

// Bytes are the bytes of the chunks of a sequence, shared ones included.
func (h *Cache) Bytes(id uint64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sequences[id]
	if s == nil {
		return 0
	}
	return int64(len(s.chunks)) * h.chunkBytes()
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
	for p, c := range s.chunks {
		keep := uint64(0)
		switch first := p.block * chunkTokens; {
		case first+chunkTokens <= tokens:
			continue
		case first < tokens:
			keep = 1<<(tokens-first) - 1
		}
		h.stats.Rows -= bits.OnesCount64(c.stored &^ keep)
		c.stored &= keep
		if c.stored == 0 {
			delete(s.chunks, p)
			h.release(c.chunk)
		}
	}
	if len(s.chunks) == 0 {
		delete(h.sequences, id)
	}
}
