package hostcache

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPendingRowsAreWaitedFor(t *testing.T) {
	h, err := idle(Config{Layers: 1, RowBytes: testRow, Budget: 1 << 12, Staging: staging(1, testRow)})
	require.NoError(t, err)
	k := key{sequence: 1, token: 70}
	require.NoError(t, publish(h, 5, Range{Sequence: 1, Layers: 1, Token: 70, Tokens: 1}))
	require.Equal(t, 1, h.Stats().Pending)
	type answer struct {
		row []byte
		err error
	}
	rows, dropped := make(chan answer), make(chan struct{})
	go func() {
		row, err := readRow(h, k)
		rows <- answer{row, err}
		h.Drop(1)
		close(dropped)
	}()
	require.Eventually(t, func() bool { return h.Stats().RowWaits == 1 }, 5*time.Second, time.Millisecond)
	h.store(<-h.queue)
	require.Equal(t, answer{content(k, 5), nil}, <-rows)
	<-dropped
	require.Equal(t, Stats{StagingBytes: testRow, RowWaits: 1}, h.Stats())
}

func TestTruncateWaitsForPendingRows(t *testing.T) {
	h, err := idle(Config{Layers: 1, RowBytes: testRow, Budget: 1 << 12, Staging: staging(1, testRow)})
	require.NoError(t, err)
	require.NoError(t, publish(h, 5, Range{Layers: 1, Tokens: 1}))
	done := make(chan error)
	go func() { done <- h.Truncate(0, 0) }()
	select {
	case <-done:
		require.Fail(t, "truncated under the worker")
	case <-time.After(20 * time.Millisecond):
	}
	h.store(<-h.queue)
	require.NoError(t, <-done)
	require.Zero(t, h.Stats().Bytes)
}

// writer appends, rolls back and drops one sequence; readers follow it.
func writer(h *Cache, id uint64, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, id))
	for life := range uint16(6) {
		for token := 0; token < 200; {
			n := 1 + r.IntN(8)
			err := errors.Join(
				publish(h, life, Range{Sequence: id, Layers: 2, Token: token, Tokens: n}),
				publish(h, life, Range{Sequence: id, Side: V, Layers: 2, Token: token, Tokens: n}))
			if err != nil {
				return err
			}
			token += n
			k := key{id, Side(r.IntN(2)), r.IntN(2), r.IntN(token)}
			row, err := readRow(h, k)
			if err != nil {
				return err
			}
			if string(row) != string(content(k, life)) {
				return errors.New("wrong content of " + k.String())
			}
			if r.IntN(4) == 0 {
				token -= r.IntN(min(token, 9))
				if err := h.Truncate(id, token); err != nil {
					return err
				}
			}
		}
		h.Drop(id)
	}
	return nil
}

func TestConcurrentUse(t *testing.T) {
	h := open(t, 2, 1<<20, 3, 16)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = writer(h, uint64(i), 42)
		}()
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	flush(h)
	st := h.Stats()
	require.Zero(t, st.Rows)
	require.Zero(t, st.Bytes)
	require.Zero(t, st.Pending)
}
