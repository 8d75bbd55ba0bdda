package kvbuffer_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// What attention says of keys that have much in common, and what comes back, for texts
// that begin in several ways.
func TestKeysLessTheirMean(t *testing.T) {
	for name, c := range map[string]struct {
		batches  []int
		absorbed int64
	}{
		"at once":        {[]int{300}, 0},
		"just enough":    {[]int{16, 40, 5}, 0},
		"one too few":    {[]int{15, 100, 40}, 115},
		"token by token": {slices.Repeat([]int{1}, 90), 16 + 64},
		"grown":          {[]int{10, 60, 100, 110, 20, 20}, 70 + 280},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLong(t, ranged())
			for _, n := range c.batches {
				l.step(0, n)
			}
			off := l.readOff(0)
			t.Logf("%.2f bits, outputs %.4f off, keys %.4f, values %.4f", l.bits(), l.off, off[0], off[1])
			assert.Less(t, l.bits(), 6.0)
			assert.Less(t, l.off, 0.02)
			assert.Less(t, off[0], 0.08, "keys, apart by .3 and some of them as large as 100")
			assert.Less(t, off[1], 0.08, "values, apart by 1")
			assert.Equal(t, c.absorbed, l.absorbed())
			assert.Zero(t, l.host)
		})
	}
}

// The same rows in a cache as they are take all bits, and are further off.
func TestKeysWithTheirMean(t *testing.T) {
	l := newLong(t, ranged())
	l.step(0, 300)
	c, err := backend.New(open(t), l.config(kvbuffer.Shape{Layers: layers, KVHeads: kvHeads, QueryHeads: heads, HeadDim: dim, Cells: 300, Streams: 1, StepTokens: 300}, ranged()))
	require.NoError(t, err)
	defer c.Close()
	s, err := c.NewSequence()
	require.NoError(t, err)
	for layer, rows := range l.rows[0] {
		require.NoError(t, s.Append(layer, backend.RowsBytes(backend.F16, rows[0]), backend.RowsBytes(backend.F16, rows[1])))
	}
	require.NoError(t, s.Step(context.Background()))
	_, err = s.Adapt(context.Background())
	require.NoError(t, err)
	k, v, off := make([]byte, len(l.rows[0][0][0])), make([]byte, len(l.rows[0][0][0])), 0.0
	require.NoError(t, s.ReadRange(0, 0, 300, backend.RowsBytes(backend.F16, k), backend.RowsBytes(backend.F16, v)))
	for i, x := range halves(k) {
		off = max(off, math.Abs(x-halves(l.rows[0][0][0][2*i:][:2])[0]))
	}
	less := l.readOff(0)[0]
	t.Logf("with it %.2f bits and %.4f off, less it %.2f bits and %.4f", c.Stats().K.Mean, off, l.bits(), less)
	assert.Greater(t, c.Stats().K.Mean, l.bits()+3)
	assert.Greater(t, off, 3*less)
}

// Where the cache does not have rows as they came, those that it has are centered.
func TestMeanOfRowsThatLostSome(t *testing.T) {
	l := newLong(t, ranged())
	l.most, l.kept = 32, 0
	for range 8 {
		l.step(0, 30)
	}
	assert.Equal(t, int64(120), l.absorbed())
	assert.Less(t, l.readOff(0)[0], 0.1)
	assert.Less(t, l.off, 0.02)
	assert.Zero(t, l.host)
}

// A fork has its mean, and neither leaves the pages that they share for a better one.
func TestForkHasItsMean(t *testing.T) {
	l := newLong(t, ranged())
	l.step(0, 50)
	l.fork()
	require.Equal(t, l.readOff(0), l.readOff(1))
	for s := range 2 {
		l.step(s, 100+s)
		l.step(s, 100)
		assert.Less(t, l.readOff(s)[0], 0.08)
	}
	assert.Less(t, l.bits(), 6.0)
	assert.Less(t, l.off, 0.02)
	assert.Zero(t, l.absorbed())
}

// Rows of a saved text take their own mean out.
func TestRestoredTextHasAMean(t *testing.T) {
	l := newLong(t, ranged())
	l.step(0, 30)
	for layer := range layers {
		for kind := range 2 {
			rows := l.newRows(60, kind)
			l.rows[0][layer][kind] = rows
			require.NoError(t, l.b.Set(l.at(0, layer, kind), len(rows), func(to []byte) { copy(to, rows) }))
		}
	}
	l.step(0, 40)
	l.step(0, 40)
	assert.Equal(t, int64(60), l.absorbed())
	assert.Less(t, l.readOff(0)[0], 0.08)
	assert.Less(t, l.off, 0.02)
}

// Whoever turns keys finds them in memory with their mean, and what is turned is centered
// anew.
func TestShiftedKeysHaveTheirMean(t *testing.T) {
	l := newLong(t, ranged())
	l.step(0, 100)
	for layer := range layers {
		require.NoError(t, l.b.Shift(l.at(0, layer, 0), 0, make([]int32, room)))
		rows := l.rows[0][layer][0]
		mem := l.mem[l.at(0, layer, 0):][:len(rows)]
		for i, x := range halves(mem) {
			require.InDelta(t, halves(rows[2*i:][:2])[0], x, 0.08)
		}
		for i := range rows {
			if i/2%8 != 3 {
				mem[i] ^= byte(i % 2 * 0x80) // what is not common gets another sign
			}
		}
		copy(rows, mem)
	}
	l.step(0, 40)
	l.step(0, 40)
	assert.Equal(t, int64(100), l.absorbed())
	assert.Less(t, l.readOff(0)[0], 0.08)
	assert.Less(t, l.off, 0.02)
}

// A text that is rewound to its first tokens, or to none, and goes on.
func TestRewoundTextHasAMean(t *testing.T) {
	for _, to := range []int{60, 10, 0} {
		l := newLong(t, ranged())
		l.step(0, 100)
		l.cut(0, to)
		l.step(0, 50)
		l.step(0, 20)
		assert.Less(t, l.readOff(0)[0], 0.08)
		assert.Less(t, l.off, 0.02)
		assert.Zero(t, l.absorbed())
	}
}

// A soft cap sees what all keys have in common: it stays in them.
func TestSoftCapLeavesTheMean(t *testing.T) {
	l := newLong(t, ranged())
	l.cap = 30
	l.step(0, 100)
	l.step(0, 100)
	assert.InDelta(t, 8, l.bits(), 0.01)
	assert.Less(t, l.off, 0.1)
	assert.Zero(t, l.host)
	assert.Empty(t, l.log)
}

// One that comes when the mean is out already finds the rows in memory.
func TestSoftCapThatComesLate(t *testing.T) {
	l := newLong(t, ranged())
	l.step(0, 100)
	l.cap = 30
	l.step(0, 20)
	assert.Equal(t, layers, l.host)
	assert.Equal(t, "attention from host memory: layers with a soft cap among others without one", l.log[0])
	assert.Less(t, l.readOff(0)[0], 0.08)
}

// A cache that keeps rows as they came has nothing taken out of them.
func TestRowsAsTheyCameKeepTheirMean(t *testing.T) {
	l := newLong(t, policy.None{})
	l.step(0, 100)
	l.step(0, 300)
	assert.Equal(t, [2]float64{}, l.readOff(0))
	assert.Zero(t, l.absorbed())
}

// Keys that are no numbers come back as they came.
func TestKeysThatAreNoNumbers(t *testing.T) {
	l := newLong(t, ranged())
	l.special = []uint16{0x7c00, 0xfc00, 0x7e01}
	l.step(0, 100)
	for layer := range layers {
		got := make([]byte, 100*rowBytes)
		require.NoError(t, l.b.Get(l.at(0, layer, 0), got))
		for i, x := range halves(l.rows[0][layer][0]) {
			if y := halves(got[2*i:][:2])[0]; math.IsInf(x, 0) || math.IsNaN(x) {
				require.Equal(t, math.Float64bits(x), math.Float64bits(y), "layer %d, element %d", layer, i)
			}
		}
	}
}
