package vk

import (
	"context"
	"fmt"
	"sync"
	"time"

	vulkan "github.com/vulkan-go/vulkan"
)

// Fence is one submission. Its methods are safe for concurrent use.
type Fence struct {
	device *Device

	mu      sync.Mutex
	handle  vulkan.Fence
	waiters int
	done    bool
	err     error
}

// Submit hands the recorded commands to the queue. A recorder can be submitted
// again once its last submission has finished. On an adopted device Handles.Lock, or
// else the caller, keeps every other use of the queue away meanwhile.
func (d *Device) Submit(r *Recorder) (*Fence, error) {
	if err := d.checkSubmit(r); err != nil {
		return nil, err
	}
	fence, err := d.newFence()
	if err != nil {
		return nil, err
	}
	f := &Fence{device: d, handle: fence}
	d.holdQueue()
	err = d.do("vkQueueSubmit", "", func() vulkan.Result {
		return nativeSubmit(d.queue, r.commands, fence)
	})
	d.yieldQueue()
	if err != nil {
		d.keepFence(fence)
		return nil, err
	}
	r.fence = f
	return f, nil
}

// holdQueue keeps everyone else from the queue until yieldQueue.
func (d *Device) holdQueue() {
	d.queueMu.Lock()
	if d.lockQueue != nil {
		d.lockQueue()
	}
}

func (d *Device) yieldQueue() {
	if d.unlockQueue != nil {
		d.unlockQueue()
	}
	d.queueMu.Unlock()
}

func (d *Device) checkSubmit(r *Recorder) error {
	d.mu.Lock()
	err := d.runs("submit")
	d.mu.Unlock()
	switch {
	case err != nil:
		return err
	case r == nil || r.device != d:
		return fmt.Errorf("vk: submit: no recorder of this device")
	case r.err != nil:
		return r.err
	case !r.own:
		return fmt.Errorf("vk: submit: the command buffer is the caller's to submit")
	case r.released:
		return fmt.Errorf("vk: submit: recorder %w", ErrClosed)
	case !r.ended:
		return fmt.Errorf("vk: submit: recording has not ended")
	case r.fence != nil && !r.fence.poll():
		return fmt.Errorf("vk: submit: the recorder's last submission is still running")
	}
	for b := range r.used {
		if b.gone() {
			return fmt.Errorf("vk: submit: buffer %q is released", b.label)
		}
	}
	return nil
}

// newFence is an unsignalled fence, used before if there is one.
func (d *Device) newFence() (vulkan.Fence, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.fences); n > 0 {
		fence := d.fences[n-1]
		d.fences = d.fences[:n-1]
		return fence, nil
	}
	info := vulkan.FenceCreateInfo{SType: vulkan.StructureTypeFenceCreateInfo}
	defer info.Free()
	return create(&d.calls, Fences, "vkCreateFence", "", func(h *vulkan.Fence) vulkan.Result {
		return vulkan.CreateFence(d.device, &info, nil, h)
	})
}

func (d *Device) keepFence(fence vulkan.Fence) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fences = append(d.fences, fence)
}

func (d *Device) destroyFences() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, fence := range d.fences {
		vulkan.DestroyFence(d.device, fence, nil)
		d.count(Fences, -1)
	}
	d.fences = nil
}

// awake is how long Wait asks a GPU again and again before it sleeps. Attention of a
// layer takes 100 to 300 µs there, and a thread wakes up some 50 µs late. Drivers that
// run on the processor need it themselves.
const awake = 500 * time.Microsecond

// Wait returns when the submission has finished, with ErrDeviceLost if it
// never will, or with the error of ctx, after which Wait can be called again.
func (f *Fence) Wait(ctx context.Context) error {
	if f.device.info.Type != "cpu" {
		for begin := time.Now(); time.Since(begin) < awake && ctx.Err() == nil; {
			if done, err := f.await(0); done || err != nil {
				return err
			}
		}
	}
	slice := time.Second
	if ctx.Done() != nil {
		slice = 5 * time.Millisecond // how late a cancelled wait may end
	}
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("vk: wait: %w", err)
		}
		if done, err := f.await(slice); done || err != nil {
			return err
		}
	}
}

// poll tells whether the submission has finished.
func (f *Fence) poll() bool {
	done, _ := f.await(0)
	return done
}

// await waits for at most a time; the last waiter of a finished submission
// gives the fence back. A failed wait leaves the submission running.
func (f *Fence) await(limit time.Duration) (bool, error) {
	f.mu.Lock()
	if f.done {
		defer f.mu.Unlock()
		return true, f.err
	}
	f.waiters++
	f.mu.Unlock()
	finished, err := f.device.waitFor(f.handle, limit)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters--
	f.done = f.done || finished
	if f.done && f.waiters == 0 {
		f.device.reuse(f.handle)
	}
	if f.done {
		return true, f.err
	}
	return false, err
}

// waitFor tells whether a fence is signalled within a time.
func (d *Device) waitFor(fence vulkan.Fence, limit time.Duration) (finished bool, err error) {
	if err := d.usable("wait"); err != nil {
		return false, err
	}
	err = d.do("vkWaitForFences", "", func() vulkan.Result {
		r := vulkan.WaitForFences(d.device, 1, []vulkan.Fence{fence}, vulkan.True, uint64(limit))
		finished = r == vulkan.Success
		if r == vulkan.Timeout {
			return vulkan.Success
		}
		return r
	})
	return finished && err == nil, err
}

// drain waits however long it takes, because what the submission uses is
// freed next; it gives up only when the device is lost or waiting keeps failing.
func (f *Fence) drain() {
	for failures := 0; failures < 1000; {
		done, err := f.await(time.Second)
		if done {
			return
		}
		if f.device.lost.Load() {
			break
		}
		if err != nil {
			failures++
			time.Sleep(time.Millisecond)
		}
	}
	// A lost device answers at once; one that only seemed lost gets its second.
	vulkan.WaitForFences(f.device.device, 1, []vulkan.Fence{f.handle}, vulkan.True, uint64(time.Second))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done, f.err = true, fmt.Errorf("vk: wait: %w", ErrDeviceLost)
	if f.waiters == 0 {
		f.device.reuse(f.handle)
	}
}

// reuse resets a fence for the next submission, or destroys it if it cannot.
func (d *Device) reuse(fence vulkan.Fence) {
	err := d.do("vkResetFences", "", func() vulkan.Result {
		return vulkan.ResetFences(d.device, 1, []vulkan.Fence{fence})
	})
	if err != nil || d.lost.Load() {
		vulkan.DestroyFence(d.device, fence, nil)
		d.count(Fences, -1)
		return
	}
	d.keepFence(fence)
}
