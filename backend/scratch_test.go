package backend

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// countingDevice counts the batches of attention in lists.
type countingDevice struct {
	device.Device
	batches int
}

func (d *countingDevice) Submit(l *device.List) (device.Ticket, error) {
	for _, c := range l.Commands() {
		if dispatch, ok := c.(*device.Dispatch); ok && (dispatch.Kernel == shaders.Combine || dispatch.Kernel == shaders.CombineCalibrated) {
			d.batches++
		}
	}
	return d.Device.Submit(l)
}

// More scratch makes a call of many queries fewer submissions and changes no bits.
func TestScratchAttendsMoreAtOnce(t *testing.T) {
	cfg := Config{Layers: 2, KVHeads: 2, QueryHeads: 32, HeadDim: 64, Capacity: 600, MaxStepTokens: 200, MaxSubmit: -1,
		Policy: policy.Uniform{KeyBits: 3, ValueBits: 2}}
	var bits [2][]uint32
	var batches [2]int
	d := &countingDevice{Device: cpu(t)}
	for i, scratch := range []int64{0, 32 << 20} {
		cfg.Scratch = scratch
		s := newSequence(t, d, F32, cfg)
		s.step(200)
		s.append(0, 200)
		d.batches = 0
		bits[i] = wordsOf(s.attend(0, s.queries(200), AttendOptions{}))
		batches[i] = d.batches
		require.GreaterOrEqual(t, s.c.Stats().Bytes.Scratch, scratch)
	}
	require.Equal(t, bits[0], bits[1])
	require.Greater(t, batches[0], 10)
	require.Equal(t, 1, batches[1])
}

// A call of many queries works in room of the reserve that no page has yet, and gives
// it back; without that room it takes more batches. Bits do not change.
func TestCallsBorrowRoomOfTheReserve(t *testing.T) {
	d := &countingDevice{Device: cpu(t)}
	s := newSequence(t, d, F32, Config{Layers: 8, KVHeads: 2, QueryHeads: 6, HeadDim: 64, Capacity: 600, MaxStepTokens: 200, MaxSubmit: -1,
		Policy: policy.Uniform{KeyBits: 3, ValueBits: 2}, Reserve: 4 << 20})
	require.InEpsilon(t, 4*minScratch, s.c.Stats().Bytes.Scratch, .05)
	s.step(200)
	s.append(0, 200)
	free, taken := slices.Clone(s.c.arena.Reserve()[0].Free()), d.Stats()
	q := s.queries(200)
	run := func() (bits []uint32, batches int) {
		d.batches = 0
		return wordsOf(s.attend(0, q, AttendOptions{})), d.batches
	}
	bits, few := run()
	require.LessOrEqual(t, few, 4)
	require.Equal(t, free, s.c.arena.Reserve()[0].Free())

	pairs := s.fillReserve()
	again, many := run()
	require.Equal(t, bits, again)
	require.Greater(t, many, 10)
	s.c.arena.FreeAll(pairs)
	again, few = run()
	require.Equal(t, bits, again)
	require.LessOrEqual(t, few, 4)
	require.Equal(t, taken.PeakBytes, d.Stats().PeakBytes)
}

// Where the device fails in a call, the reserve has its room back.
func TestBrokenCallsGiveBackWhatTheyBorrowed(t *testing.T) {
	d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errBroken}
	s := newSequence(t, d, F32, Config{Layers: 8, KVHeads: 2, QueryHeads: 6, HeadDim: 64, Capacity: 600, MaxStepTokens: 200,
		Policy: policy.Uniform{KeyBits: 3, ValueBits: 2}, Reserve: 4 << 20})
	s.append(0, 200)
	free := slices.Clone(s.c.arena.Reserve()[0].Free())
	d.succeed(-1, 0)
	q := s.queries(200)
	require.ErrorIs(t, s.seq.Attend(t.Context(), 0, RowsF32(q), RowsF32(make([]float32, 200*6*64)), AttendOptions{}), errBroken)
	require.Equal(t, free, s.c.arena.Reserve()[0].Free())
}

// A query's kernels run once for all KV heads, however long the text may get.
func TestScratchHasRoomForAQueryOfAllHeads(t *testing.T) {
	d := &countingDevice{Device: cpu(t)}
	cfg := Config{Layers: 1, KVHeads: 8, QueryHeads: 32, HeadDim: 32, Capacity: 2048, MaxStepTokens: 256, Policy: policy.Uniform{KeyBits: 3, ValueBits: 2}}
	s := newSequence(t, d, F32, cfg)
	for range 8 {
		s.step(256)
	}
	s.attend(0, s.queries(1), AttendOptions{SkipImportance: true})
	require.Equal(t, 1, d.batches)
}

// Beside a reserve the scratch is a 64th of it, and a query of all KV heads borrows the rest;
// in a full reserve it is attended in parts. Bits do not change.
func TestScratchBesideAReserveIsAPartOfIt(t *testing.T) {
	const reserve = 12 << 20
	d := &countingDevice{Device: cpu(t)}
	s := newSequence(t, d, F32, Config{Layers: 1, KVHeads: 8, QueryHeads: 32, HeadDim: 32, Capacity: 6144, MaxStepTokens: 256,
		Policy: policy.Uniform{KeyBits: 3, ValueBits: 2}, Reserve: reserve})
	require.LessOrEqual(t, s.c.Stats().Bytes.Scratch, int64(reserve/64))
	for range 16 {
		s.step(256)
	}
	q := s.queries(1)
	run := func() (bits []uint32, batches int) {
		d.batches = 0
		return wordsOf(s.attend(0, q, AttendOptions{SkipImportance: true})), d.batches
	}
	bits, batches := run()
	require.Equal(t, 1, batches)
	pairs := s.fillReserve()
	again, batches := run()
	require.Equal(t, bits, again)
	require.Equal(t, 8, batches) // a head each
	s.c.arena.FreeAll(pairs)
}

// On the host's processor calls work in the buffer by which rows come to the host, and the
// scratch is small. Bits are those of a device that has memory of
// its own.
func TestCallsWorkInIdleMemoryOnVulkan(t *testing.T) {
	cfg := Config{Layers: 2, KVHeads: 8, QueryHeads: 32, HeadDim: 64, Capacity: 2048, MaxStepTokens: 64,
		Policy: policy.Uniform{KeyBits: 3, ValueBits: 2}}
	var bits [2][]uint32
	for i, d := range []device.Device{cpu(t), openLLVMpipe(t, "llvmpipe")} {
		counting := &countingDevice{Device: d}
		s := newSequence(t, counting, F32, cfg)
		for range 16 {
			s.step(64)
		}
		counting.batches = 0
		bits[i] = wordsOf(s.attend(0, s.queries(4), AttendOptions{}))
		require.Equal(t, 1, counting.batches)
		if scratch := s.c.Stats().Bytes.Scratch; d.Limits().CPU {
			require.InEpsilon(t, 4*minScratch, scratch, .1)
		} else {
			require.InEpsilon(t, 1<<20, scratch, .1)
		}
	}
	require.Equal(t, bits[0], bits[1])
}

// fillReserve takes all room of the reserve.
func (s *sequence) fillReserve() (pairs []*pages.Pair) {
	for size := (pages.Sizes{1 << 12, 1 << 12}); size[0] > 0; size = (pages.Sizes{size[0] / 2, size[1] / 2}) {
		for p := s.c.arena.Place(nil, 0, size); p != nil; p = s.c.arena.Place(nil, 0, size) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}
