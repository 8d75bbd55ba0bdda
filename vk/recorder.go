package vk

import (
	"fmt"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Recorder records commands that can be submitted again and again. Its methods
// are for one goroutine at a time. Commands have no error of their own: the
// first misuse makes the rest no-ops and is returned by End.
type Recorder struct {
	device   *Device
	commands vulkan.CommandBuffer
	pool     vulkan.CommandPool
	own      bool // commands and pool are ours
	ended    bool
	released bool
	err      error
	sets     []*setPool
	stamps   stamps
	used     map[*Buffer]struct{}
	fence    *Fence // of the last submission
}

// Region is a range of bytes to copy.
type Region struct{ Src, Dst, Size int64 }

// NewRecorder starts a recording with a command buffer of its own.
func (d *Device) NewRecorder() (*Recorder, error) {
	r := &Recorder{device: d, own: true, used: map[*Buffer]struct{}{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.runs("recorder"); err != nil {
		return nil, err
	}
	if err := r.begin(); err != nil {
		r.destroyPool()
		return nil, err
	}
	d.recorders[r] = struct{}{}
	return r, nil
}

// RecordInto records into a command buffer of the caller, which is in the
// recording state, belongs to the adopted device and is submitted by the
// caller. The recorder keeps the descriptors that the commands use: release it
// when the caller's submission has finished. Submit refuses it.
func (d *Device) RecordInto(commandBuffer uintptr) *Recorder {
	r := &Recorder{device: d, used: map[*Buffer]struct{}{},
		commands: handle[vulkan.CommandBuffer](uint64(commandBuffer))}
	d.mu.Lock()
	defer d.mu.Unlock()
	r.err = d.runs("record")
	if commandBuffer == 0 && r.err == nil {
		r.err = fmt.Errorf("vk: record: no command buffer")
	}
	if !d.closed {
		d.recorders[r] = struct{}{}
	}
	return r
}

// begin makes a pool and a command buffer: recording needs the pool for itself,
// and so several goroutines can record at once.
func (r *Recorder) begin() error {
	d := r.device
	poolInfo := vulkan.CommandPoolCreateInfo{SType: vulkan.StructureTypeCommandPoolCreateInfo, QueueFamilyIndex: d.family}
	defer poolInfo.Free()
	var err error
	r.pool, err = create(&d.calls, CommandPools, "vkCreateCommandPool", "", func(h *vulkan.CommandPool) vulkan.Result {
		return vulkan.CreateCommandPool(d.device, &poolInfo, nil, h)
	})
	if err != nil {
		return err
	}
	info := vulkan.CommandBufferAllocateInfo{SType: vulkan.StructureTypeCommandBufferAllocateInfo,
		CommandPool: r.pool, Level: vulkan.CommandBufferLevelPrimary, CommandBufferCount: 1}
	defer info.Free()
	r.commands, err = create(&d.calls, CommandBuffers, "vkAllocateCommandBuffers", "", func(h *vulkan.CommandBuffer) vulkan.Result {
		return vulkan.AllocateCommandBuffers(d.device, &info, unsafe.Slice(h, 1))
	})
	if err != nil {
		return err
	}
	beginInfo := vulkan.CommandBufferBeginInfo{SType: vulkan.StructureTypeCommandBufferBeginInfo}
	defer beginInfo.Free()
	return d.do("vkBeginCommandBuffer", "", func() vulkan.Result {
		return vulkan.BeginCommandBuffer(r.commands, &beginInfo)
	})
}

// destroyPool destroys the command pool and with it the command buffer.
func (r *Recorder) destroyPool() {
	if r.pool == vulkan.NullCommandPool {
		return
	}
	vulkan.DestroyCommandPool(r.device.device, r.pool, nil)
	r.device.count(CommandPools, -1)
	if r.own && r.commands != nil {
		r.device.count(CommandBuffers, -1)
	}
	r.pool, r.commands = vulkan.NullCommandPool, nil
}

// ready tells whether a command can be recorded; it keeps the first error.
func (r *Recorder) ready(operation string) bool {
	switch {
	case r.err != nil:
		return false
	case r.released:
		r.err = fmt.Errorf("vk: %s: recorder %w", operation, ErrClosed)
	case r.ended:
		r.err = fmt.Errorf("vk: %s: recording has ended", operation)
	default:
		r.err = r.device.usable(operation)
	}
	return r.err == nil
}

func (r *Recorder) fail(format string, args ...any) { r.err = fmt.Errorf(format, args...) }

// Err is the first error so far.
func (r *Recorder) Err() error { return r.err }

// Barrier orders what was recorded or submitted before and what comes after.
func (r *Recorder) Barrier(kind Barrier) {
	if !r.ready("barrier") {
		return
	}
	if kind < 0 || kind >= barrierKinds {
		r.fail("vk: barrier: no kind %d", int(kind))
		return
	}
	nativeBarrier(r.commands, scopes[kind])
}

// End finishes the recording and returns the first error of its commands. In a
// caller's command buffer it records nothing.
func (r *Recorder) End() error {
	if !r.ready("end") {
		return r.err
	}
	r.ended = true
	if r.own {
		r.err = r.device.do("vkEndCommandBuffer", "", func() vulkan.Result {
			return vulkan.EndCommandBuffer(r.commands)
		})
	}
	return r.err
}

// Release waits for the recorder's submission, if one is running, and frees
// all that it holds. A second Release does nothing.
func (r *Recorder) Release() {
	if r == nil || r.released {
		return
	}
	r.released = true
	if r.fence != nil {
		r.fence.drain()
	}
	r.destroyPool()
	r.destroySets()
	r.destroyStamps()
	r.device.mu.Lock()
	defer r.device.mu.Unlock()
	delete(r.device.recorders, r)
}
