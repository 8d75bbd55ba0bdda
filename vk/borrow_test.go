package vk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// TestBorrow runs a kernel on a buffer that belongs to someone else and stays theirs.
func TestBorrow(t *testing.T) {
	d := openTest(t, Options{Validation: true})
	theirs, dst := buffer(t, d, "theirs", 64, Upload), buffer(t, d, "dst", 64, Download)
	fillWords(theirs, 7)
	live := d.Stats().LiveBytes()
	b, err := d.Borrow("borrowed", raw(theirs.handle), 64)
	require.NoError(t, err)
	require.Equal(t, live, d.Stats().LiveBytes())
	require.Nil(t, b.Bytes())
	p, err := d.NewPipeline(shaders.Copy, []uint32{4})
	require.NoError(t, err)
	r := recorder(t, d)
	r.Dispatch(p, shaders.CopyPush{Vectors: 4}.Bytes(), 1, View{Buffer: b}, View{Buffer: dst})
	r.Barrier(ToHost)
	require.NoError(t, r.End())
	run(t, d, r)
	require.Equal(t, words(theirs), words(dst))
	b.Release()
	b.Release()
	run(t, d, newCopy(t, d, theirs, dst)) // still there
	_, err = d.Submit(r)
	require.EqualError(t, err, `vk: submit: buffer "borrowed" is released`)
	for _, c := range []struct {
		handle uint64
		size   int64
		want   string
	}{
		{0, 64, `vk: borrowed buffer "b": the handle is 0`},
		{1, 62, `vk: borrowed buffer "b": size 62 is no positive multiple of 4`},
		{1, -4, `vk: borrowed buffer "b": size -4 is no positive multiple of 4`},
	} {
		_, err := d.Borrow("b", c.handle, c.size)
		require.EqualError(t, err, c.want)
	}
}

func newCopy(t *testing.T, d *Device, src, dst *Buffer) *Recorder {
	r := recorder(t, d)
	r.Copy(src, dst, Region{Size: 64})
	r.Barrier(ToHost)
	require.NoError(t, r.End())
	return r
}

// TestMemoryLimit: what is beyond the limit fails and takes nothing.
func TestMemoryLimit(t *testing.T) {
	d := openTest(t, Options{MemoryLimit: 3 << 20})
	b, err := d.NewBuffer("2 MiB", 2<<20, DeviceLocal)
	require.NoError(t, err)
	before := d.Stats()
	_, err = d.NewBuffer("another", 2<<20, DeviceLocal)
	require.ErrorIs(t, err, ErrMemoryLimit)
	require.ErrorContains(t, err, "vkAllocateMemory 2 MiB beside 2 MiB: limit 3 MiB")
	require.Equal(t, before, d.Stats())
	b.Release()
	b, err = d.NewBuffer("another", 2<<20, DeviceLocal)
	require.NoError(t, err)
	b.Release()
	_, err = Open(Options{Device: testDevice(), MemoryLimit: -1})
	require.ErrorIs(t, err, ErrMemoryLimit)
}

// TestQueueLock: each use of an adopted queue is between Lock and Unlock.
func TestQueueLock(t *testing.T) {
	h := newOwner(t)
	defer h.destroy()
	x, held, uses := h.handles(), false, 0
	x.Lock = func() { require.False(t, held); held = true }
	_, err := Adopt(x, Options{})
	require.EqualError(t, err, "vk: adopt: one of Lock and Unlock: both or none")
	x.Unlock = func() { require.True(t, held); held = false; uses++ }
	x.GetInstanceProcAddr = uintptr(nativeEntry())
	d, err := Adopt(x, Options{})
	require.NoError(t, err)
	require.Equal(t, 1, uses, "the probe")
	src, dst := buffer(t, d, "src", 64, Upload), buffer(t, d, "dst", 64, Download)
	r := newCopy(t, d, src, dst)
	run(t, d, r)
	require.Equal(t, 2, uses)
	require.False(t, held)
	r.Release()
	src.Release()
	dst.Release()
	closeTest(t, d)
	x.GetInstanceProcAddr++
	_, err = Adopt(x, Options{})
	require.ErrorIs(t, err, ErrOtherLoader)
}
