package vk

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	vulkan "github.com/vulkan-go/vulkan"

	"github.com/qaqvk/qaqvk/shaders"
)

// longRecorder records work that takes a while: the same copy over and over.
func longRecorder(t *testing.T, d *Device, times int) *Recorder {
	t.Helper()
	const size = 1 << 20
	src, dst := buffer(t, d, "src", size, DeviceLocal), buffer(t, d, "dst", size, DeviceLocal)
	p, err := d.NewPipeline(shaders.Copy, []uint32{128})
	require.NoError(t, err)
	r := recorder(t, d)
	for range times {
		r.Dispatch(p, shaders.CopyPush{Vectors: size / 16}.Bytes(), size/16/128, View{Buffer: src}, View{Buffer: dst})
		r.Barrier(ComputeToCompute)
	}
	require.NoError(t, r.End())
	return r
}

func TestWaitCancelled(t *testing.T) {
	d := openTest(t, Options{})
	r := longRecorder(t, d, 200)
	f, err := d.Submit(r)
	require.NoError(t, err)
	_, err = d.Submit(r)
	require.EqualError(t, err, "vk: submit: the recorder's last submission is still running")
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, f.Wait(ctx), context.DeadlineExceeded)
	require.NoError(t, f.Wait(context.Background()))
	require.NoError(t, f.Wait(context.Background()), "a second wait")
	run(t, d, r)
}

// A wait on a GPU asks for a while before it sleeps, and ends in both with the same.
func TestWaitAsOnGPUs(t *testing.T) {
	d := openTest(t, Options{})
	d.info.Type = "discrete"
	for _, times := range []int{1, 200} {
		r := longRecorder(t, d, times)
		f, err := d.Submit(r)
		require.NoError(t, err)
		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, f.Wait(cancelled), context.Canceled)
		require.NoError(t, f.Wait(context.Background()))
		require.True(t, f.poll())
		run(t, d, r)
	}
}

// TestReleaseRunning frees a recorder whose commands run, and closes a device
// whose commands run: both wait first.
func TestReleaseRunning(t *testing.T) {
	d := openTest(t, Options{})
	r := longRecorder(t, d, 20)
	f, err := d.Submit(r)
	require.NoError(t, err)
	r.Release()
	require.NoError(t, f.Wait(context.Background()))

	last := longRecorder(t, d, 20)
	_, err = d.Submit(last)
	require.NoError(t, err)
	require.EqualError(t, ignoreLabels(d.Close()), "vk: close: 4 buffers not released")
	requireZero(t, d)
	require.NoError(t, d.Close())
	_, err = d.NewBuffer("late", 4, Upload)
	require.EqualError(t, err, `vk: buffer "late": device closed`)
	require.ErrorIs(t, err, ErrClosed)
	_, err = d.NewPipeline(shaders.Copy, []uint32{1})
	require.ErrorIs(t, err, ErrClosed)
	_, err = d.NewRecorder()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, d.RecordInto(1).End(), ErrClosed)
}

// ignoreLabels cuts the example off, which is any one of the buffers.
func ignoreLabels(err error) error {
	if err == nil {
		return nil
	}
	var n int
	fmt.Sscanf(err.Error(), "vk: close: %d buffers", &n)
	return fmt.Errorf("vk: close: %d buffers not released", n)
}

func TestConcurrent(t *testing.T) {
	d := openTest(t, Options{})
	var group sync.WaitGroup
	errs := make(chan error, 8)
	for g := range uint32(8) {
		group.Add(1)
		go func() {
			defer group.Done()
			errs <- work(d, g)
		}()
	}
	group.Wait()
	for range 8 {
		require.NoError(t, <-errs)
	}
}

// work makes, uses and frees objects of its own, 20 times.
func work(d *Device, g uint32) error {
	for i := range uint32(20) {
		b, err := d.NewBuffer("work", 4096, Download)
		if err != nil {
			return err
		}
		defer b.Release()
		if _, err := d.NewPipeline(shaders.Copy, []uint32{1 + i%4}); err != nil {
			return err
		}
		r, err := d.NewRecorder()
		if err != nil {
			return err
		}
		defer r.Release()
		r.Fill(b, 0, 4096, g<<8|i)
		r.Barrier(ToHost)
		if err := r.End(); err != nil {
			return err
		}
		f, err := d.Submit(r)
		if err != nil {
			return err
		}
		if err := f.Wait(context.Background()); err != nil {
			return err
		}
		if got := words(b)[1023]; got != g<<8|i {
			return fmt.Errorf("got %#x, want %#x", got, g<<8|i)
		}
		d.Stats()
	}
	return nil
}

// TestDeviceLost: one lost call makes every later one fail, without a driver call.
func TestDeviceLost(t *testing.T) {
	lose := false
	d, err := open(Options{Device: testDevice()}, hooks{fault: func(call string) vulkan.Result {
		if lose && call == "vkQueueSubmit" {
			return vulkan.ErrorDeviceLost
		}
		return vulkan.Success
	}})
	require.NoError(t, err)
	b, err := d.NewBuffer("b", 64, DeviceLocal)
	require.NoError(t, err)
	r, err := d.NewRecorder()
	require.NoError(t, err)
	r.Fill(b, 0, 64, 1)
	require.NoError(t, r.End())
	f, err := d.Submit(r)
	require.NoError(t, err)
	require.NoError(t, f.Wait(context.Background()))
	lose = true
	_, err = d.Submit(r)
	require.EqualError(t, err, "vk: vkQueueSubmit: device lost")
	lose = false
	_, err = d.Submit(r)
	require.EqualError(t, err, "vk: submit: device lost")
	_, err = d.NewBuffer("c", 64, DeviceLocal)
	require.EqualError(t, err, `vk: buffer "c": device lost`)
	_, err = d.NewPipeline(shaders.Copy, []uint32{1})
	require.ErrorIs(t, err, ErrDeviceLost)
	_, err = d.NewRecorder()
	require.ErrorIs(t, err, ErrDeviceLost)
	_, err = r.Timestamps()
	require.ErrorIs(t, err, ErrDeviceLost)
	r.Release()
	b.Release()
	require.NoError(t, d.Close())
	requireZero(t, d)
}
