package hostcache

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const testBlock = int64(64 * testRow)

// requireForked compares rows of a sequence with what its origin published.
func requireForked(t *testing.T, h *Cache, life uint16, r Range, origin uint64) {
	rows, err := h.Rows(r)
	require.NoError(t, err)
	for i, row := range rows {
		k := r.key(i)
		k.sequence = origin
		require.Equal(t, content(k, life), row, "%v", k)
	}
}

func TestForkSharesAndCopiesOnWrite(t *testing.T) {
	h := open(t, 2, 1<<20, 3, 260)
	first := Range{Sequence: 1, Layers: 2, Tokens: 70}
	require.NoError(t, publish(h, 1, first))
	require.NoError(t, h.Fork(1, 2))
	require.Equal(t, 4*testBlock, h.Stats().Bytes, "two layers of two blocks, counted once")
	require.Equal(t, 4*testBlock, h.Bytes(2))
	require.Equal(t, 280, h.Stats().Rows)
	forked := first
	forked.Sequence = 2
	requireForked(t, h, 1, forked, 1)

	lent, err := readRow(h, key{sequence: 1, token: 69})
	require.NoError(t, err)
	a, b := Range{Sequence: 1, Layers: 2, Token: 70, Tokens: 5}, Range{Sequence: 2, Layers: 2, Token: 70, Tokens: 5}
	require.NoError(t, publish(h, 2, a))
	require.Equal(t, 6*testBlock, h.Stats().Bytes, "the last block of each layer was copied")
	require.NoError(t, publish(h, 3, b))
	requireRows(t, h, 2, a)
	requireRows(t, h, 3, b)
	requireRows(t, h, 1, first)
	requireForked(t, h, 1, forked, 1)
	require.Equal(t, 6*testBlock, h.Stats().Bytes, "the second writer's copy took the place of the first block")

	require.NoError(t, h.Truncate(2, 60))
	again := Range{Sequence: 2, Layers: 2, Token: 60, Tokens: 4}
	require.NoError(t, publish(h, 4, again))
	requireRows(t, h, 4, again)
	requireRows(t, h, 1, first)
	require.Equal(t, content(key{sequence: 1, token: 69}, 1), lent, "a lent row stays")
	h.Drop(1)
	requireRows(t, h, 4, again)
	forked.Tokens = 60
	requireForked(t, h, 1, forked, 1)
	require.Equal(t, 2*testBlock, h.Stats().Bytes)
	h.Drop(2)
	flush(h)
	st := h.Stats()
	require.Zero(t, st.Bytes)
	require.Zero(t, st.Rows)
}

func TestForkRefuses(t *testing.T) {
	h := open(t, 1, 3*testBlock, 1, 64)
	require.NoError(t, publish(h, 1, Range{Sequence: 1, Layers: 1, Tokens: 60}))
	require.NoError(t, publish(h, 1, Range{Sequence: 2, Layers: 1, Tokens: 1}))
	require.EqualError(t, h.Fork(1, 2), "hostcache: fork sequence 1 to 2, which has rows: row is stored already")
	require.EqualError(t, h.Fork(1, 1), "hostcache: fork sequence 1 to 1, which has rows: row is stored already")
	require.NoError(t, h.Fork(9, 3), "nothing to share")
	require.NoError(t, h.Fork(1, 3))
	require.NoError(t, h.Fork(1, 4))
	require.NoError(t, publish(h, 1, Range{Sequence: 3, Layers: 1, Token: 60, Tokens: 1}), "the last block of the budget")
	err := publish(h, 1, Range{Sequence: 4, Layers: 1, Token: 60, Tokens: 1})
	require.EqualError(t, err, "hostcache: 768 bytes more with 2304 of 2304 bytes in use: host budget exceeded")
	flush(h)
	require.Equal(t, 60+1+61+60, h.Stats().Rows)
	h.Drop(1)
	require.NoError(t, publish(h, 1, Range{Sequence: 4, Layers: 1, Token: 60, Tokens: 1}), "it was the last holder")
	require.Equal(t, 3*testBlock, h.Stats().Bytes)
	h.Close()
	require.ErrorIs(t, h.Fork(3, 5), ErrClosed)
}

// Forks of one sequence go their own ways at the same time.
func TestConcurrentForks(t *testing.T) {
	h := open(t, 1, 1<<20, 3, 16)
	require.NoError(t, publish(h, 0, Range{Sequence: 100, Layers: 1, Tokens: 16}))
	var wg sync.WaitGroup
	for id := range uint64(8) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for life := range uint16(20) {
				if err := h.Fork(100, id); err != nil {
					t.Error(err)
					return
				}
				own := Range{Sequence: id, Layers: 1, Token: 16, Tokens: 16}
				if err := publish(h, life, own); err != nil {
					t.Error(err)
					return
				}
				row, err := readRow(h, own.key(9))
				if err != nil || string(row) != string(content(own.key(9), life)) {
					t.Errorf("life %d: % x, %v", life, row, err)
				}
				row, err = readRow(h, key{sequence: id, token: 3})
				if err != nil || string(row) != string(content(key{sequence: 100, token: 3}, 0)) {
					t.Errorf("life %d: % x, %v", life, row, err)
				}
				h.Drop(id)
			}
		}()
	}
	wg.Wait()
	require.Equal(t, testBlock, h.Stats().Bytes)
}
