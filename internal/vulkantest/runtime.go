// Package vulkantest is a runtime with Vulkan objects of its own, for tests of what is
// done in other people's command buffers and buffers.
package vulkantest

/*
#cgo CFLAGS: -Wall -Wextra -Wno-missing-field-initializers
#cgo LDFLAGS: -lvulkan
#include "runtime.h"
*/
import "C"

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/vk"
)

// Runtime has a device, its queue, a command buffer and buffers until the test ends.
type Runtime struct {
	t       *testing.T
	own     *C.vt_runtime
	buffers []*C.vt_buffer
}

// New makes a runtime on the first device there is.
func New(t *testing.T) *Runtime {
	r := &Runtime{t: t, own: new(C.vt_runtime)}
	t.Cleanup(r.destroy)
	r.must("create", C.vt_create(r.own))
	return r
}

func (r *Runtime) must(what string, result C.VkResult) {
	r.t.Helper()
	if result != C.VK_SUCCESS {
		require.NoError(r.t, fmt.Errorf("vulkantest: %s: VkResult %d", what, result))
	}
}

func (r *Runtime) destroy() {
	for _, b := range r.buffers {
		C.vt_free(r.own, b)
	}
	C.vt_destroy(r.own)
}

// Handles are its objects.
func (r *Runtime) Handles() vk.Handles {
	return vk.Handles{Instance: uintptr(unsafe.Pointer(r.own.instance)), PhysicalDevice: uintptr(unsafe.Pointer(r.own.physical)),
		Device: uintptr(unsafe.Pointer(r.own.device)), Queue: uintptr(unsafe.Pointer(r.own.queue)), QueueFamily: uint32(r.own.family)}
}

// Begin begins the command buffer, from anew, and returns it.
func (r *Runtime) Begin() uintptr {
	r.must("begin", C.vt_begin(r.own))
	return uintptr(unsafe.Pointer(r.own.commands))
}

// Submit ends the command buffer and runs it to its end.
func (r *Runtime) Submit() { r.must("submit", C.vt_submit(r.own)) }

// Buffer is a buffer of so many words: its handle, and the words as the host sees them.
func (r *Runtime) Buffer(words int) (handle uint64, seen []uint32) {
	b := new(C.vt_buffer)
	r.buffers = append(r.buffers, b)
	r.must("buffer", C.vt_make(r.own, C.VkDeviceSize(4*words), b))
	return uint64(uintptr(unsafe.Pointer(b.buffer))), unsafe.Slice((*uint32)(b.at), words)
}
