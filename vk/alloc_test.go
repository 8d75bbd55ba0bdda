package vk

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBlock takes and gives spans at random and checks that they never
// overlap, are aligned, and leave one whole span at the end.
func TestBlock(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	b := &block{size: 4096, free: []span{{0, 4096}}}
	var taken []span
	failures := 0
	for step := range 5000 {
		if rng.IntN(2) == 0 || len(taken) == 0 {
			align := uint64(1) << rng.IntN(7)
			s, ok := b.take(1+rng.Uint64N(300), align)
			if !ok {
				failures++
				continue
			}
			require.Zero(t, s.offset%align, "step %d", step)
			require.LessOrEqual(t, s.offset+s.size, b.size)
			for _, o := range taken {
				require.True(t, s.offset+s.size <= o.offset || o.offset+o.size <= s.offset, "step %d: %v, %v", step, s, o)
			}
			taken = append(taken, s)
		} else {
			i := rng.IntN(len(taken))
			b.give(taken[i])
			taken = append(taken[:i], taken[i+1:]...)
		}
		sum := uint64(0)
		for _, s := range append(append([]span{}, taken...), b.free...) {
			sum += s.size
		}
		require.Equal(t, b.size, sum, "step %d", step)
	}
	require.NotZero(t, failures, "the block was never full")
	for _, s := range taken {
		b.give(s)
	}
	require.True(t, b.empty())
	require.Equal(t, []span{{0, 4096}}, b.free)
}

func TestBufferAccounting(t *testing.T) {
	d := openTest(t, Options{})
	for m := range memoryKinds {
		t.Run(m.String(), func(t *testing.T) {
			stats := func() MemoryStats { return d.Stats().Memory[m] }
			probe := stats().PeakBytes // of the probe that opened the device
			require.Equal(t, MemoryStats{PeakBytes: probe}, stats())
			small, err := d.NewBuffer("small", 1000, m)
			require.NoError(t, err)
			require.Equal(t, MemoryStats{1000, max(1000, probe), blockBytes[m]}, stats())
			quarter, err := d.NewBuffer("quarter", int64(blockBytes[m]/4), m)
			require.NoError(t, err)
			require.Equal(t, MemoryStats{1000 + blockBytes[m]/4, 1000 + blockBytes[m]/4, blockBytes[m]}, stats())
			large, err := d.NewBuffer("large", int64(blockBytes[m]/4+256), m)
			require.NoError(t, err)
			require.Equal(t, blockBytes[m]+blockBytes[m]/4+256, stats().CommittedBytes, "dedicated to the byte")
			require.Equal(t, m != DeviceLocal, large.Bytes() != nil)
			quarter.Release()
			quarter.Release()
			large.Release()
			peak := 1000 + blockBytes[m]/2 + 256
			require.Equal(t, MemoryStats{1000, peak, blockBytes[m]}, stats())
			small.Release()
			require.Equal(t, MemoryStats{PeakBytes: peak}, stats())
			require.Nil(t, small.Bytes())
		})
	}
}

// TestNeighbours writes many sub-allocated buffers and reads all back.
func TestNeighbours(t *testing.T) {
	d := openTest(t, Options{})
	sizes := []int64{4, 8, 12, 124, 128, 132, 508, 4092, 65532, 65536}
	var all []*Buffer
	for i := range 60 {
		b := buffer(t, d, fmt.Sprint("b", i), sizes[i%len(sizes)], Upload)
		fillWords(b, uint32(i)<<20)
		all = append(all, b)
	}
	require.Less(t, d.Stats().Objects[Memories], int64(12), "buffers share blocks")
	for i, b := range all {
		require.Len(t, b.Bytes(), int(b.Size()))
		require.Equal(t, []byte{0, 0, byte(i << 4), byte(i >> 4)}, b.Bytes()[:4], "buffer %d", i)
		last := b.Size()/4 - 1
		require.Equal(t, []byte{byte(last), byte(last >> 8), byte(i << 4), byte(i >> 4)}, b.Bytes()[4*last:], "buffer %d", i)
	}
}

func TestNewBufferMisuse(t *testing.T) {
	d := openTest(t, Options{MinimumLimits: true})
	tests := []struct {
		name string
		size int64
		m    Memory
		want string
	}{
		{"empty", 0, Upload, `vk: buffer "x": size 0 is no positive multiple of 4`},
		{"negative", -4, Upload, `vk: buffer "x": size -4 is no positive multiple of 4`},
		{"odd", 6, Upload, `vk: buffer "x": size 6 is no positive multiple of 4`},
		{"kind", 4, 7, `vk: buffer "x": no memory kind 7`},
		{"huge", 1<<30 + 4, DeviceLocal, `vk: buffer "x": 1073741828 bytes, limit 1073741824: over the device limit`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := d.NewBuffer("x", test.size, test.m)
			require.EqualError(t, err, test.want)
		})
	}
	require.ErrorIs(t, limitError("x", 2, 1, "y"), ErrLimit)
}

func TestAllocationLimit(t *testing.T) {
	d := openTest(t, Options{})
	d.info.Limits.Allocations = 2
	large := int64(blockBytes[Upload])
	buffer(t, d, "a", large, Upload)
	buffer(t, d, "b", large, Upload)
	_, err := d.NewBuffer("c", large, Upload)
	require.EqualError(t, err, `vk: vkAllocateMemory: 3 allocations, limit 2: over the device limit (buffer "c")`)
	require.ErrorIs(t, err, ErrLimit)
}
