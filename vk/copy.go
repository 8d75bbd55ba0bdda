package vk

import (
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

// Copy copies regions of src to dst. Within one buffer no source may overlap a
// target; no two targets may overlap at all.
func (r *Recorder) Copy(src, dst *Buffer, regions ...Region) {
	if !r.ready("copy") || len(regions) == 0 {
		return
	}
	if r.err = r.checkCopy(src, dst, regions); r.err != nil {
		return
	}
	words := make([]uint64, 0, 3*len(regions))
	for _, c := range regions {
		words = append(words, uint64(c.Src), uint64(c.Dst), uint64(c.Size))
	}
	nativeCopy(r.commands, src.handle, dst.handle, words)
}

func (r *Recorder) checkCopy(src, dst *Buffer, regions []Region) error {
	if err := r.checkBuffer("copy source", src); err != nil {
		return err
	}
	if err := r.checkBuffer("copy target", dst); err != nil {
		return err
	}
	for i, c := range regions {
		if !inside(src, c.Src, c.Size) || !inside(dst, c.Dst, c.Size) {
			return fmt.Errorf("vk: copy: region %d of %d bytes from %d in buffer %q of %d to %d in buffer %q of %d",
				i, c.Size, c.Src, src.label, src.size, c.Dst, dst.label, dst.size)
		}
		if src == dst && overlaps(c, regions) {
			return fmt.Errorf("vk: copy: region %d overlaps in buffer %q", i, src.label)
		}
	}
	return nil
}

func inside(b *Buffer, offset, size int64) bool {
	return offset >= 0 && size > 0 && size <= b.size-offset
}

// overlaps tells whether c's source touches any target of regions.
func overlaps(c Region, regions []Region) bool {
	for _, o := range regions {
		if c.Src < o.Dst+o.Size && o.Dst < c.Src+c.Size {
			return true
		}
	}
	return false
}

// Fill sets size bytes from offset, both multiples of 4, to copies of word.
func (r *Recorder) Fill(b *Buffer, offset, size int64, word uint32) {
	if !r.ready("fill") {
		return
	}
	if r.err = r.checkBuffer("fill", b); r.err != nil {
		return
	}
	if !inside(b, offset, size) || offset%4 != 0 || size%4 != 0 {
		r.fail("vk: fill: bytes %d+%d of buffer %q of %d", offset, size, b.label, b.size)
		return
	}
	vulkan.CmdFillBuffer(r.commands, b.handle, vulkan.DeviceSize(offset), vulkan.DeviceSize(size), word)
}

// gone tells whether the buffer is released.
func (b *Buffer) gone() bool {
	b.device.mu.Lock()
	defer b.device.mu.Unlock()
	return b.released
}
