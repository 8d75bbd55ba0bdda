package vk

import (
	"fmt"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Buffer is a range of device or host memory that kernels and copies use.
// Its methods are safe for concurrent use; its bytes are the caller's to guard.
type Buffer struct {
	device   *Device
	label    string
	size     int64
	memory   Memory
	handle   vulkan.Buffer
	borrowed bool // handle and memory are a caller's
	place    allocation
	bytes    []byte
	released bool // guarded by device.mu
}

// NewBuffer creates a buffer of size bytes, a multiple of 4 and at least 4.
// Its contents are undefined. It fails with ErrLimit for a size that the device
// cannot allocate and with ErrOutOfDeviceMemory or ErrOutOfHostMemory.
func (d *Device) NewBuffer(label string, size int64, m Memory) (*Buffer, error) {
	what := fmt.Sprintf("buffer %q", label)
	if m < 0 || m >= memoryKinds {
		return nil, fmt.Errorf("vk: %s: no memory kind %d", what, int(m))
	}
	if size < 4 || size%4 != 0 {
		return nil, fmt.Errorf("vk: %s: size %d is no positive multiple of 4", what, size)
	}
	if limit := d.info.Limits.AllocationBytes; uint64(size) > limit {
		return nil, limitError(what, uint64(size), limit, "bytes")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.runs(what); err != nil {
		return nil, err
	}
	b := &Buffer{device: d, label: label, size: size, memory: m}
	if err := b.create(); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, what)
	}
	d.buffers[b] = struct{}{}
	d.live[m] += uint64(size)
	d.peak[m] = max(d.peak[m], d.live[m])
	return b, nil
}

// create makes the handle, finds memory and binds it; it undoes what it did
// when a step fails.
func (b *Buffer) create() error {
	d := b.device
	info := vulkan.BufferCreateInfo{SType: vulkan.StructureTypeBufferCreateInfo,
		Size: vulkan.DeviceSize(b.size), Usage: vulkan.BufferUsageFlags(vulkan.BufferUsageStorageBufferBit |
			vulkan.BufferUsageTransferSrcBit | vulkan.BufferUsageTransferDstBit)}
	defer info.Free()
	var err error
	b.handle, err = create(&d.calls, Buffers, "vkCreateBuffer", amount(uint64(b.size)), func(h *vulkan.Buffer) vulkan.Result {
		return vulkan.CreateBuffer(d.device, &info, nil, h)
	})
	if err != nil {
		return err
	}
	var need vulkan.MemoryRequirements
	vulkan.GetBufferMemoryRequirements(d.device, b.handle, &need)
	need.Deref()
	need.Free()
	if b.place, err = d.allocate(need, b.memory); err != nil {
		b.destroyHandle()
		return err
	}
	err = d.do("vkBindBufferMemory", "", func() vulkan.Result {
		return vulkan.BindBufferMemory(d.device, b.handle, b.place.block.memory, vulkan.DeviceSize(b.place.offset))
	})
	if err != nil {
		b.destroyHandle()
		d.release(b.place, b.memory)
		return err
	}
	if base := b.place.block.mapped; base != nil {
		b.bytes = unsafe.Slice((*byte)(unsafe.Add(base, b.place.offset)), b.size)
	}
	return nil
}

func (b *Buffer) destroyHandle() {
	vulkan.DestroyBuffer(b.device.device, b.handle, nil)
	b.device.count(Buffers, -1)
}

// Bytes is the buffer as the host sees it, nil for DeviceLocal. It is valid
// until Release; what a kernel wrote shows after a ToHost barrier and Wait.
func (b *Buffer) Bytes() []byte { return b.bytes }

// Size is the size in bytes.
func (b *Buffer) Size() int64 { return b.size }

// Memory is the kind of memory that was asked for.
func (b *Buffer) Memory() Memory { return b.memory }

// Label is the name that was given.
func (b *Buffer) Label() string { return b.label }

// Release frees the buffer. No submission that uses it may be running. A
// second Release does nothing.
func (b *Buffer) Release() {
	if b == nil {
		return
	}
	b.device.mu.Lock()
	defer b.device.mu.Unlock()
	b.release()
}

func (b *Buffer) release() {
	if b.released {
		return
	}
	b.released = true
	b.bytes = nil
	if b.borrowed {
		delete(b.device.buffers, b)
		return
	}
	b.destroyHandle()
	b.device.release(b.place, b.memory)
	delete(b.device.buffers, b)
	b.device.live[b.memory] -= uint64(b.size)
}
