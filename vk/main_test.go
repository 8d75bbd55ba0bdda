package vk

import (
	"context"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testDevice is the device of all tests: the one that VK_ICD_FILENAMES leaves,
// llvmpipe otherwise. A missing driver fails.
func testDevice() string {
	if os.Getenv("VK_ICD_FILENAMES") != "" || os.Getenv("VK_DRIVER_FILES") != "" {
		return ""
	}
	return "llvmpipe"
}

// openTest opens the test device with validation and checks at the end that
// the layer was silent and that nothing is left.
func openTest(t *testing.T, o Options) *Device {
	t.Helper()
	o.Device = testDevice()
	o.Validation = true
	d, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { closeTest(t, d) })
	return d
}

func closeTest(t *testing.T, d *Device) {
	t.Helper()
	require.NoError(t, d.Close())
	require.Empty(t, d.ValidationMessages())
	requireZero(t, d)
}

func requireZero(t *testing.T, d *Device) {
	t.Helper()
	require.Equal(t, Stats{Objects: map[Object]int64{}}, d.Stats())
}

func buffer(t *testing.T, d *Device, label string, size int64, m Memory) *Buffer {
	t.Helper()
	b, err := d.NewBuffer(label, size, m)
	require.NoError(t, err)
	t.Cleanup(b.Release)
	return b
}

func recorder(t *testing.T, d *Device) *Recorder {
	t.Helper()
	r, err := d.NewRecorder()
	require.NoError(t, err)
	t.Cleanup(r.Release)
	return r
}

// run submits and waits.
func run(t *testing.T, d *Device, r *Recorder) {
	t.Helper()
	f, err := d.Submit(r)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, f.Wait(ctx))
}

// fillWords writes start, start+1, ... into a host buffer.
func fillWords(b *Buffer, start uint32) {
	for i := 0; i < len(b.Bytes()); i += 4 {
		binary.LittleEndian.PutUint32(b.Bytes()[i:], start+uint32(i/4))
	}
}
