package backend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
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
		if dispatch, ok := c.(*device.Dispatch); ok && dispatch.Kernel == shaders.Combine {
			d.batches++
		}
	}
	return d.Device.Submit(l)
}

// More scratch makes a call of many queries fewer submissions and changes no bits.
func TestScratchAttendsMoreAtOnce(t *testing.T) {
	cfg := Config{Layers: 2, KVHeads: 2, QueryHeads: 6, HeadDim: 64, Capacity: 600, MaxStepTokens: 200, MaxSubmit: -1,
		Policy: policy.Uniform{KeyBits: 3, ValueBits: 2}}
	var bits [2][]uint32
	var batches [2]int
	d := &countingDevice{Device: cpu(t)}
	for i, scratch := range []int64{0, 4 << 20} {
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
