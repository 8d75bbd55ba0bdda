package hostcache

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const testRow = 12

// staging makes the memory of slots.
func staging(slots, bytes int) [][]byte {
	memory := make([][]byte, slots)
	for i := range memory {
		memory[i] = make([]byte, bytes)
	}
	return memory
}

// flush waits until every published row is stored.
func flush(h *Cache) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.stats.Pending > 0 {
		h.changed.Wait()
	}
}

// readRow reads one row.
func readRow(h *Cache, k key) ([]byte, error) {
	rows, err := h.Rows(Range{Sequence: k.sequence, Side: k.side, Layer: k.layer, Layers: 1, Token: k.token, Tokens: 1})
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

func open(t *testing.T, layers int, budget int64, slots, slotRows int) *Cache {
	h, err := New(Config{Layers: layers, RowBytes: testRow, Budget: budget, Staging: staging(slots, slotRows*testRow)})
	require.NoError(t, err)
	t.Cleanup(h.Close)
	return h
}

// content is what the tests store as row k in its n-th life.
func content(k key, n uint16) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(k.sequence)<<8|uint32(k.side))
	b = binary.LittleEndian.AppendUint32(b, uint32(k.token))
	b = binary.LittleEndian.AppendUint16(b, uint16(k.layer))
	return binary.LittleEndian.AppendUint16(b, n)
}

func publish(h *Cache, life uint16, ranges ...Range) error {
	s, err := h.Acquire(context.Background())
	if err != nil {
		return err
	}
	at := 0
	for _, r := range ranges {
		for i := 0; i < r.rows() && at < len(s.Bytes); i++ {
			at += copy(s.Bytes[at:], content(r.key(i), life))
		}
	}
	if err := h.Publish(s, ranges...); err != nil {
		return errors.Join(err, h.Release(s))
	}
	return nil
}

func requireRows(t *testing.T, h *Cache, life uint16, r Range) {
	rows, err := h.Rows(r)
	require.NoError(t, err)
	require.Len(t, rows, r.rows())
	for i, row := range rows {
		require.Equal(t, content(r.key(i), life), row, "%v", r.key(i))
	}
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name   string
		ranges []Range
		blocks int64
	}{
		{"one row", []Range{{Layers: 1, Tokens: 1}}, 1},
		{"across blocks", []Range{{Layer: 2, Layers: 1, Token: 60, Tokens: 70}}, 3},
		{"all layers", []Range{{Sequence: 9, Side: V, Layers: 3, Token: 63, Tokens: 2}}, 6},
		{"K and V", []Range{{Layers: 3, Tokens: 5}, {Side: V, Layers: 3, Tokens: 5}}, 6},
		{"two sequences", []Range{{Layers: 1, Tokens: 64}, {Sequence: 1, Layers: 1, Tokens: 65}}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, 3, 1<<20, 2, 200)
			require.NoError(t, publish(h, 7, c.ranges...))
			total := 0
			for _, r := range c.ranges {
				requireRows(t, h, 7, r)
				total += r.rows()
			}
			flush(h)
			st := h.Stats()
			st.RowWaits = 0 // depends on how fast the worker was
			require.Equal(t, Stats{Bytes: c.blocks * 64 * testRow, StagingBytes: 2 * 200 * testRow, Rows: total}, st)
		})
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  Range
		want error
		text string
	}{
		{"side", Range{Side: 2, Layers: 1, Tokens: 1}, ErrRange, "hostcache: side 2, limit 0..1: out of range"},
		{"layer", Range{Layer: 2, Layers: 2, Tokens: 1}, ErrRange, "hostcache: layers from 2, 2 of them, limit 0..2: out of range"},
		{"no layer", Range{Tokens: 1}, ErrRange, "hostcache: layers from 0, 0 of them, limit 0..2: out of range"},
		{"token", Range{Layers: 1, Token: -1, Tokens: 1}, ErrRange, "hostcache: tokens from -1, 1 of them, limit 0..1073741823: out of range"},
		{"slot", Range{Layers: 3, Token: 5, Tokens: 22}, ErrRange,
			"hostcache: publish 3 layers of 22 tokens after 2 rows, a slot holds 64 rows: out of range"},
		{"stored", Range{Layers: 1, Tokens: 2}, ErrStored, "hostcache: publish sequence 0 layer 0 K token 1: row is stored already"},
		{"same row twice", Range{Side: V, Layers: 1, Token: 3, Tokens: 1}, ErrStored,
			"hostcache: publish sequence 0 layer 0 V token 3: row is stored already"},
		{"budget", Range{Layers: 2, Token: 64, Tokens: 1}, ErrBudget,
			"hostcache: 2304 bytes more with 1536 of 3072 bytes in use: host budget exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, 3, 4*64*testRow, 1, 64)
			require.NoError(t, publish(h, 1, Range{Layers: 2, Token: 1, Tokens: 1}))
			flush(h)
			before := h.Stats()
			err := publish(h, 1, Range{Side: V, Layers: 1, Token: 3, Tokens: 2}, c.bad)
			require.ErrorIs(t, err, c.want)
			require.EqualError(t, err, c.text)
			flush(h)
			after := h.Stats()
			after.AcquireWaits = before.AcquireWaits
			require.Equal(t, before, after, "nothing half stored")
			_, err = readRow(h, key{side: V, token: 3})
			require.ErrorIs(t, err, ErrNoRow)
			require.EqualError(t, err, "hostcache: sequence 0 layer 0 V token 3: no such row")
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]Config{
		"no layers":  {RowBytes: 1, Staging: staging(1, 1)},
		"no row":     {Layers: 1, Staging: staging(1, 1)},
		"budget":     {Layers: 1, RowBytes: 1, Budget: -1, Staging: staging(1, 1)},
		"no staging": {Layers: 1, RowBytes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c)
			require.ErrorIs(t, err, ErrRange)
		})
	}
}

func TestCallersStaging(t *testing.T) {
	memory := [][]byte{make([]byte, testRow), make([]byte, testRow)}
	h, err := New(Config{Layers: 1, RowBytes: testRow, Budget: 1 << 12, Staging: memory})
	require.NoError(t, err)
	defer h.Close()
	s, err := h.Acquire(context.Background())
	require.NoError(t, err)
	copy(memory[s.Index], content(key{token: 4}, 3))
	require.NoError(t, h.Publish(s, Range{Layers: 1, Token: 4, Tokens: 1}))
	requireRows(t, h, 3, Range{Layers: 1, Token: 4, Tokens: 1})
}

func TestTruncateAndDrop(t *testing.T) {
	for _, c := range []struct {
		name              string
		keep, rows, bytes int
	}{
		{"nothing", 0, 0, 0}, {"one", 1, 2, 2}, {"within a block", 33, 66, 2}, {"a block", 64, 128, 2},
		{"a block and one", 65, 130, 4}, {"all", 130, 260, 6}, {"more", 500, 260, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, 2, 1<<20, 3, 260)
			all := Range{Sequence: 1, Layers: 2, Tokens: 130}
			require.NoError(t, publish(h, 1, all))
			require.NoError(t, publish(h, 1, Range{Sequence: 2, Layers: 2, Tokens: 1}))
			require.NoError(t, h.Truncate(1, c.keep))
			flush(h)
			require.Equal(t, c.rows+2, h.Stats().Rows)
			require.Equal(t, int64(c.bytes+2)*64*testRow, h.Stats().Bytes)
			if c.keep < 130 {
				_, err := readRow(h, key{sequence: 1, token: c.keep})
				require.ErrorIs(t, err, ErrNoRow)
				again := Range{Sequence: 1, Layers: 2, Token: c.keep, Tokens: 130 - c.keep}
				require.NoError(t, publish(h, 2, again))
				requireRows(t, h, 2, again)
			}
			h.Drop(1)
			h.Drop(1)
			require.Equal(t, int64(2*64*testRow), h.Stats().Bytes)
			requireRows(t, h, 1, Range{Sequence: 2, Layers: 2, Tokens: 1})
		})
	}
	h := open(t, 1, 1<<10, 1, 1)
	require.EqualError(t, h.Truncate(1, -1), "hostcache: truncate to -1 tokens: out of range")
}

func TestAcquireWaitsForASlot(t *testing.T) {
	h := open(t, 1, 1<<20, 1, 1)
	held, err := h.Acquire(context.Background())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = h.Acquire(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.EqualError(t, err, "hostcache: acquire one of 1 slots: context deadline exceeded")
	require.Equal(t, 1, h.Stats().AcquireWaits)
	require.NoError(t, h.Release(held))
	require.EqualError(t, h.Release(held), "hostcache: release: slot is not held")
	require.ErrorIs(t, h.Publish(held), ErrSlot)
	require.ErrorIs(t, h.Publish(&Slot{Index: -1}), ErrSlot)
	require.ErrorIs(t, h.Publish(nil), ErrSlot)
}

func TestClose(t *testing.T) {
	running := goleak.IgnoreCurrent()
	h, err := New(Config{Layers: 1, RowBytes: testRow, Budget: 1 << 20, Staging: staging(2, testRow)})
	require.NoError(t, err)
	require.NoError(t, publish(h, 1, Range{Layers: 1, Tokens: 1}))
	_, err = h.Acquire(context.Background())
	require.NoError(t, err)
	held, err := h.Acquire(context.Background())
	require.NoError(t, err)
	waiting := make(chan error)
	go func() {
		_, err := h.Acquire(context.Background())
		waiting <- err
	}()
	h.Close()
	h.Close()
	require.ErrorIs(t, <-waiting, ErrClosed)
	require.ErrorIs(t, h.Publish(held, Range{Layers: 1, Token: 2, Tokens: 1}), ErrClosed)
	_, err = readRow(h, key{})
	require.ErrorIs(t, err, ErrClosed)
	st := h.Stats()
	st.AcquireWaits = 0
	require.Equal(t, Stats{}, st)
	goleak.VerifyNone(t, running)
}

func TestRemove(t *testing.T) {
	h := open(t, 3, 1<<20, 2, 600)
	all := Range{Sequence: 1, Layers: 3, Tokens: 200}
	require.NoError(t, publish(h, 1, all))
	require.NoError(t, h.Fork(1, 2))
	bytes := h.Stats().Bytes
	require.Equal(t, int64(3*4*testBlock), bytes)
	require.NoError(t, h.Remove(Range{Sequence: 1, Layer: 1, Layers: 2, Tokens: 100}))
	require.Equal(t, bytes, h.Stats().Bytes, "the fork holds them")
	require.Equal(t, int64((4+3+3)*testBlock), h.Bytes(1))
	require.Equal(t, 2*600-200, h.Stats().Rows)
	requireRows(t, h, 1, Range{Sequence: 1, Layers: 1, Tokens: 200})
	requireRows(t, h, 1, Range{Sequence: 1, Layer: 1, Layers: 2, Token: 100, Tokens: 100})
	requireForked(t, h, 1, Range{Sequence: 2, Layers: 3, Tokens: 200}, 1)
	for _, token := range []int{0, 63, 64, 99} {
		_, err := readRow(h, key{sequence: 1, layer: 2, token: token})
		require.ErrorIs(t, err, ErrNoRow)
	}
	h.Drop(2)
	require.Equal(t, int64(10*testBlock), h.Stats().Bytes)

	again := Range{Sequence: 1, Layer: 2, Layers: 1, Token: 90, Tokens: 10}
	require.NoError(t, publish(h, 2, again))
	require.NoError(t, h.Remove(Range{Sequence: 1, Layer: 2, Layers: 1, Token: 92, Tokens: 200}), "pending ones arrive first")
	again.Tokens = 2
	requireRows(t, h, 2, again)
	require.NoError(t, h.Remove(all))
	require.NoError(t, h.Remove(all), "removed already")
	require.Zero(t, h.Stats().Bytes)
	require.Zero(t, h.Stats().Rows)
	require.EqualError(t, h.Remove(Range{Sequence: 1, Layers: 4, Tokens: 1}), "hostcache: layers from 0, 4 of them, limit 0..2: out of range")
}
