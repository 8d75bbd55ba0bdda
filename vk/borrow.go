package vk

import (
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

// Borrow makes a Buffer of the first size bytes of a caller's VkBuffer, the value of
// the C handle. It belongs to the device, has memory bound to it and the usages
// VK_BUFFER_USAGE_STORAGE_BUFFER_BIT and, where it is copied from or to, those of
// transfers. Its memory counts as the caller's, Bytes is nil, and
// Release only forgets it: the caller destroys the VkBuffer, after Release.
// size is a positive multiple of 4.
func (d *Device) Borrow(label string, handleOf uint64, size int64) (*Buffer, error) {
	what := fmt.Sprintf("borrowed buffer %q", label)
	if handleOf == 0 {
		return nil, fmt.Errorf("vk: %s: the handle is 0", what)
	}
	if size < 4 || size%4 != 0 {
		return nil, fmt.Errorf("vk: %s: size %d is no positive multiple of 4", what, size)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.runs(what); err != nil {
		return nil, err
	}
	b := &Buffer{device: d, label: label, size: size, borrowed: true, handle: handle[vulkan.Buffer](handleOf)}
	d.buffers[b] = struct{}{}
	return b, nil
}
