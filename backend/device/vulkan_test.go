package device

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/vk"
)

// openVulkan opens llvmpipe, alone or beside the reference, with the limits
// that every device has; validation messages fail the test.
func openVulkan(t *testing.T, name string) Device {
	d, err := Open(name, Options{Validation: true, MinimumLimits: true})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, d.Close())
		assert.Zero(t, d.Stats().LiveBytes)
		assert.Zero(t, d.Stats().CommittedBytes)
		assert.Empty(t, d.Stats().Objects)
	})
	return d
}

func TestVKDevice(t *testing.T) {
	d := openVulkan(t, "llvmpipe")
	assert.Contains(t, d.Name(), "llvmpipe")
	assert.Contains(t, d.Driver(), "Mesa")
	want := MinimumLimits
	want.SubgroupSize = d.Limits().SubgroupSize
	want.CPU = true
	assert.Equal(t, want, d.Limits())
	assert.Contains(t, []uint32{4, 8, 16}, d.Limits().SubgroupSize)
	exerciseDevice(t, d)
}

func TestBothDeviceOnVulkan(t *testing.T) {
	exerciseDevice(t, openVulkan(t, "both:llvmpipe"))
}

func TestVKListIsRecordedOnce(t *testing.T) {
	d := openVulkan(t, "llvmpipe")
	b := newBuffer(t, d, "b", 64, Download)
	l := NewList(d)
	defer l.Release()
	l.Fill(b, 0, 32, 1)
	require.NoError(t, Run(context.Background(), d, l))
	first := l.compiled
	require.NotNil(t, first)
	require.NoError(t, Run(context.Background(), d, l))
	assert.Same(t, first, l.compiled)

	l.Fill(b, 32, 32, 2)
	assert.Nil(t, l.compiled, "a list that grows is recorded anew")
	require.NoError(t, Run(context.Background(), d, l))
	assert.Equal(t, []uint32{1, 2}, b.Words()[31:33])
}

func TestVKListsFollowEachOther(t *testing.T) {
	d := openVulkan(t, "llvmpipe")
	local, down := newBuffer(t, d, "local", 4096, DeviceLocal), newBuffer(t, d, "down", 4096, Download)
	out := NewList(d)
	defer out.Release()
	out.Copy(local, down, Region{0, 0, 4096})
	for i := range uint32(20) {
		fill := NewList(d)
		fill.Fill(local, 0, 4096, i)
		_, err := d.Submit(fill)
		require.NoError(t, err)
		require.NoError(t, Run(context.Background(), d, out))
		fill.Release()
		assert.Equal(t, i, down.Words()[0])
		assert.Equal(t, i, down.Words()[4095])
	}
}

func TestVKResubmitWhileRunning(t *testing.T) {
	d := openVulkan(t, "llvmpipe")
	a, b := newBuffer(t, d, "a", 1<<20, DeviceLocal), newBuffer(t, d, "b", 1<<20, DeviceLocal)
	l := NewList(d)
	l.Fill(a, 0, 1<<20, 3)
	l.Barrier(Transfer, Shader)
	l.Dispatch(copyDispatch(1<<18, Whole(a), Whole(b)))
	for range 5 {
		_, err := d.Submit(l)
		require.NoError(t, err)
	}
	l.Release()
	got, err := Read(context.Background(), d, View{b, 1<<20 - 2, 2})
	require.NoError(t, err)
	assert.Equal(t, []uint32{3, 3}, got)
}

func TestVKDeviceErrors(t *testing.T) {
	_, err := Open("no such device", Options{})
	assert.ErrorIs(t, err, vk.ErrUnknownDevice)
	_, err = Open("both:no such device", Options{})
	assert.ErrorIs(t, err, vk.ErrUnknownDevice)

	d := openVulkan(t, "llvmpipe")
	_, err = d.NewBuffer("empty", 0, DeviceLocal)
	assert.EqualError(t, err, "device: buffer empty of 0 words")
	_, err = d.NewBuffer("vast", 1<<40, DeviceLocal)
	assert.ErrorIs(t, err, vk.ErrLimit)

	foreign := newBuffer(t, openCPU(t), "foreign", 8, DeviceLocal)
	l := NewList(d)
	l.Fill(foreign, 0, 1, 2)
	_, err = d.Submit(l)
	assert.EqualError(t, err, "device: command 0: fill buffer foreign[0:1] = 0x00000002: buffer foreign of another device")
}

func TestVKCloseNamesLeaks(t *testing.T) {
	d, err := Open("llvmpipe", Options{})
	require.NoError(t, err)
	_, err = d.NewBuffer("forgotten", 4, DeviceLocal)
	require.NoError(t, err)
	assert.ErrorContains(t, d.Close(), "forgotten")
	assert.Empty(t, d.Stats().Objects)
}
