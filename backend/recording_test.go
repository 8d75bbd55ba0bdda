package backend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
)

// TestRecordNeedsVulkan: where no command buffers are, nothing is recorded and nothing
// changed. Recordings that run are tested by cmd/libqaqvk.
func TestRecordNeedsVulkan(t *testing.T) {
	d, err := device.Open("cpu", device.Options{})
	require.NoError(t, err)
	c, err := New(d, Config{Layers: 1, KVHeads: 1, QueryHeads: 1, HeadDim: 32, Capacity: 16})
	require.NoError(t, err)
	s, err := c.NewSequence()
	require.NoError(t, err)
	_, err = c.NewRecording(1)
	require.ErrorIs(t, err, device.ErrUnsupported)
	row := RowsF32(make([]float32, 32))
	require.NoError(t, s.Append(0, row, row))
	require.ErrorIs(t, s.RecordAttend(nil, 0, row, row, AttendOptions{}), ErrRecorded)
	require.ErrorIs(t, s.RecordAttend(&Recording{c: c}, 0, row, row, AttendOptions{}), ErrRecorded)
	require.ErrorIs(t, s.RecordAttend(nil, 1, row, row, AttendOptions{}), ErrRange)
	require.NoError(t, s.Step(t.Context()))
	c.Close()
	_, err = c.NewRecording(1)
	require.ErrorIs(t, err, ErrClosed)
	require.NoError(t, d.Close())
}
