package device

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCPUDevice(t *testing.T) {
	d := openCPU(t)
	assert.Equal(t, "cpu", d.Name())
	assert.Equal(t, "cpuref", d.Driver())
	exerciseDevice(t, d)
}

// exerciseDevice runs every kind of command, twice, on any device.
func exerciseDevice(t *testing.T, d Device) {
	ctx := context.Background()
	up, local := newBuffer(t, d, "up", 64, Upload), newBuffer(t, d, "local", 192, DeviceLocal)
	down := newBuffer(t, d, "down", 192, Download)
	assert.Nil(t, local.Words())
	assert.Len(t, up.Words(), 64)
	assert.Equal(t, 192, local.Len())

	l := NewList(d)
	defer l.Release()
	l.Fill(local, 0, 192, 0xabad1dea)
	l.Barrier(Transfer, Shader)
	l.Mark("fill")
	l.Dispatch(copyDispatch(15, Whole(up), View{local, 64, 64}))
	l.Barrier(AllCommands, Transfer)
	l.Mark("kernel")
	l.Copy(local, down, Region{60, 4, 80}, Region{0, 0, 2})
	l.Mark("fill")
	for round := range uint32(2) {
		for i := range up.Words() {
			up.Words()[i] = uint32(i) * (round + 3)
		}
		ticket, err := d.Submit(l)
		require.NoError(t, err)
		require.NoError(t, ticket.Wait(ctx))
		require.NoError(t, ticket.Wait(ctx), "a second wait")
		got := down.Words()
		assert.Equal(t, []uint32{0xabad1dea, 0xabad1dea}, got[:2])
		assert.Equal(t, uint32(0xabad1dea), got[7])
		for i := range 60 {
			assert.Equal(t, uint32(i)*(round+3), got[8+i])
		}
		assert.Equal(t, uint32(0xabad1dea), got[68])
		assert.Len(t, ticket.Times(), 2)
		assert.Positive(t, ticket.Times()["kernel"])
	}
	stats := d.Stats()
	assert.GreaterOrEqual(t, stats.LiveBytes, int64(4*(64+192+192)))
	assert.GreaterOrEqual(t, stats.CommittedBytes, stats.LiveBytes)
}

func TestWriteAndRead(t *testing.T) {
	d := openCPU(t)
	for _, m := range []Memory{DeviceLocal, Upload, Download} {
		t.Run(m.String(), func(t *testing.T) {
			b := newBuffer(t, d, "b", 8, m)
			require.NoError(t, Write(context.Background(), d, b, 2, []uint32{5, 6, 7}))
			got, err := Read(context.Background(), d, View{b, 1, 4})
			require.NoError(t, err)
			assert.Equal(t, []uint32{0, 5, 6, 7}, got)
			assert.EqualError(t, Write(context.Background(), d, b, 7, []uint32{1, 2}),
				"device: write: view b[7:9] of a buffer of 8 words")
			_, err = Read(context.Background(), d, View{b, 8, 1})
			assert.EqualError(t, err, "device: read: view b[8:9] of a buffer of 8 words")
		})
	}
}

func TestCPUDeviceErrors(t *testing.T) {
	d, other := openCPU(t), openCPU(t)
	_, err := d.NewBuffer("empty", 0, DeviceLocal)
	assert.EqualError(t, err, "device: buffer empty of 0 words")

	foreign := newBuffer(t, other, "foreign", 8, DeviceLocal)
	l := NewList(d)
	l.Fill(foreign, 0, 1, 2)
	assert.EqualError(t, Run(context.Background(), d, l),
		"device: cpu: command 0: fill buffer foreign[0:1] = 0x00000002: buffer foreign of another device")

	gone, err := d.NewBuffer("gone", 8, DeviceLocal)
	require.NoError(t, err)
	l = NewList(d)
	l.Fill(gone, 0, 1, 2)
	gone.Release()
	assert.ErrorContains(t, Run(context.Background(), d, l), "buffer gone was released")
}

func TestCloseNamesLeaks(t *testing.T) {
	d, err := Open("cpu", Options{})
	require.NoError(t, err)
	for _, label := range []string{"second", "first"} {
		_, err := d.NewBuffer(label, 4, DeviceLocal)
		require.NoError(t, err)
	}
	assert.Equal(t, Stats{LiveBytes: 32, PeakBytes: 32, CommittedBytes: 32, Objects: map[string]int{"buffer": 2}}, d.Stats())
	assert.EqualError(t, d.Close(), "device: cpu: closed with 2 buffers not released: first, second")
	assert.Zero(t, d.Stats().LiveBytes)
}
