package vk

import (
	"fmt"
	"slices"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// blockBytes is the size of the device allocation that small buffers of a kind
// share. Small, because what a block holds beyond its buffers is slack.
var blockBytes = [memoryKinds]uint64{DeviceLocal: 256 << 10, Upload: 256 << 10, Download: 256 << 10}

// block is one VkDeviceMemory, whole for one buffer or shared by several.
type block struct {
	memory    vulkan.DeviceMemory
	typeIndex uint32
	size      uint64
	mapped    unsafe.Pointer // nil in device-local memory
	free      []span         // ascending, never adjacent
	dedicated bool
}

type span struct{ offset, size uint64 }

// allocation is the part of a block that a buffer has.
type allocation struct {
	block *block
	span
}

// take finds the first free span that fits, aligned.
func (b *block) take(size, align uint64) (span, bool) {
	for i, f := range b.free {
		start := (f.offset + align - 1) / align * align
		end := f.offset + f.size
		if start+size > end {
			continue
		}
		var rest []span
		if start > f.offset {
			rest = append(rest, span{f.offset, start - f.offset})
		}
		if start+size < end {
			rest = append(rest, span{start + size, end - start - size})
		}
		b.free = slices.Replace(b.free, i, i+1, rest...)
		return span{start, size}, true
	}
	return span{}, false
}

// give returns a span and joins it with its neighbours.
func (b *block) give(s span) {
	i, _ := slices.BinarySearchFunc(b.free, s.offset, func(f span, at uint64) int {
		if f.offset < at {
			return -1
		}
		return 1
	})
	if i < len(b.free) && s.offset+s.size == b.free[i].offset {
		s.size += b.free[i].size
		b.free = slices.Delete(b.free, i, i+1)
	}
	if i > 0 && b.free[i-1].offset+b.free[i-1].size == s.offset {
		b.free[i-1].size += s.size
		return
	}
	b.free = slices.Insert(b.free, i, s)
}

func (b *block) empty() bool { return len(b.free) == 1 && b.free[0].size == b.size }

// allocate finds memory of a kind, from a shared block if the need is at most
// a quarter of one. The caller holds d.mu.
func (d *Device) allocate(need vulkan.MemoryRequirements, m Memory) (allocation, error) {
	typeIndex, err := pickType(d.physical.types, need.MemoryTypeBits, m)
	if err != nil {
		return allocation{}, err
	}
	size, align := uint64(need.Size), uint64(need.Alignment)
	if size > blockBytes[m]/4 {
		b, err := d.newBlock(size, typeIndex, m)
		if err != nil {
			return allocation{}, err
		}
		b.dedicated = true
		s, _ := b.take(size, 1)
		return allocation{b, s}, nil
	}
	for _, b := range d.blocks[m] {
		if b.dedicated || b.typeIndex != typeIndex {
			continue
		}
		if s, ok := b.take(size, align); ok {
			return allocation{b, s}, nil
		}
	}
	b, err := d.newBlock(blockBytes[m], typeIndex, m)
	if err != nil {
		return allocation{}, err
	}
	s, _ := b.take(size, align)
	return allocation{b, s}, nil
}

// release gives memory back; a block without buffers is freed.
func (d *Device) release(a allocation, m Memory) {
	a.block.give(a.span)
	if !a.block.empty() {
		return
	}
	d.blocks[m] = slices.DeleteFunc(d.blocks[m], func(b *block) bool { return b == a.block })
	d.freeBlock(a.block)
	d.committed[m] -= a.block.size
}

func (d *Device) freeBlock(b *block) {
	if b.mapped != nil {
		vulkan.UnmapMemory(d.device, b.memory)
	}
	vulkan.FreeMemory(d.device, b.memory, nil)
	d.count(Memories, -1)
}

// newBlock allocates device memory and maps it for the host kinds.
func (d *Device) newBlock(size uint64, typeIndex uint32, m Memory) (*block, error) {
	if n := uint64(d.objects[Memories].Load()); n >= uint64(d.info.Limits.Allocations) {
		return nil, limitError("vkAllocateMemory", n+1, uint64(d.info.Limits.Allocations), "allocations")
	}
	if err := d.checkMemory(size); err != nil {
		return nil, err
	}
	b := &block{typeIndex: typeIndex, size: size, free: []span{{0, size}}}
	info := vulkan.MemoryAllocateInfo{SType: vulkan.StructureTypeMemoryAllocateInfo,
		AllocationSize: vulkan.DeviceSize(size), MemoryTypeIndex: typeIndex}
	defer info.Free()
	var err error
	b.memory, err = create(&d.calls, Memories, "vkAllocateMemory", amount(size), func(h *vulkan.DeviceMemory) vulkan.Result {
		return vulkan.AllocateMemory(d.device, &info, nil, h)
	})
	if err != nil {
		return nil, err
	}
	if m != DeviceLocal {
		if b.mapped, err = d.mapMemory(b.memory, size); err != nil {
			d.freeBlock(b)
			return nil, err
		}
	}
	d.blocks[m] = append(d.blocks[m], b)
	d.committed[m] += size
	return b, nil
}

func (d *Device) mapMemory(memory vulkan.DeviceMemory, size uint64) (at unsafe.Pointer, err error) {
	err = d.do("vkMapMemory", amount(size), func() vulkan.Result {
		return vulkan.MapMemory(d.device, memory, 0, vulkan.DeviceSize(vulkan.WholeSize), 0, &at)
	})
	return at, err
}

// checkMemory refuses what is beyond Options.MemoryLimit.
func (d *Device) checkMemory(size uint64) error {
	var held uint64
	for _, n := range d.committed {
		held += n
	}
	if d.memoryLimit > 0 && (size > d.memoryLimit || held > d.memoryLimit-size) {
		return fmt.Errorf("vk: vkAllocateMemory %s beside %s: limit %s: %w", amount(size), amount(held), amount(d.memoryLimit), ErrMemoryLimit)
	}
	return nil
}
