package device

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/vk"
)

// ErrUnsupported says that a device cannot do what only those of Vulkan can: take
// buffers of a caller and record into its command buffers.
var ErrUnsupported = errors.New("only Vulkan devices can")

// IsVulkan tells whether a device can: one of Open or Adopt that runs on Vulkan alone.
func IsVulkan(d Device) bool {
	_, ok := d.(*vkDevice)
	return ok
}

// Import makes a Buffer of the first words of a caller's VkBuffer, the value of the C
// handle, on a device of Open or Adopt with a VkDevice of its own: what
// vk.Device.Borrow asks for holds. Release forgets it. The error wraps ErrUnsupported
// on other devices.
func Import(d Device, label string, handle uint64, words int) (Buffer, error) {
	v, ok := d.(*vkDevice)
	if !ok {
		return nil, fmt.Errorf("device: %s: buffer %s of Vulkan: %w", d.Name(), label, ErrUnsupported)
	}
	b, err := v.vk.Borrow(label, handle, 4*int64(words))
	if err != nil {
		return nil, err
	}
	return &vkBuffer{device: v, vk: b}, nil
}

// Recording puts lists into a command buffer of a caller, which is in the recording
// state, belongs to the VkDevice and is submitted by the caller to the device's
// queue. Each list begins and ends with a memory barrier between all that compute
// shaders and transfers do, and at its end for the host too; marks are not timed.
type Recording struct{ list *vkList }

// NewRecording begins a recording. The error wraps ErrUnsupported where d is none of
// Vulkan.
func NewRecording(d Device, commandBuffer uintptr) (*Recording, error) {
	v, ok := d.(*vkDevice)
	if !ok {
		return nil, fmt.Errorf("device: %s: a command buffer of Vulkan: %w", d.Name(), ErrUnsupported)
	}
	r := v.vk.RecordInto(commandBuffer)
	if err := r.Err(); err != nil {
		r.Release()
		return nil, err
	}
	return &Recording{&vkList{device: v, recorder: r}}, nil
}

// Record records a list. An error of the list itself is found before the
// command buffer is touched; after one of the driver it holds a part of the list and can
// only be reset.
func (r *Recording) Record(l *List) error {
	if l.err != nil {
		return l.err
	}
	return r.list.commands(l, false, vk.Full)
}

// Release frees what the commands use, after the caller's submission has finished or
// when there will be none.
func (r *Recording) Release() { r.list.recorder.Release() }
