package vk

/*
#cgo CFLAGS: -DVK_NO_PROTOTYPES -Wall
#cgo LDFLAGS: -ldl -lpthread
#include "native.h"
#include <stdlib.h>
*/
import "C"

import (
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// raw is the 64 bits of a Vulkan handle; handles are not always pointers, so
// they never travel as unsafe.Pointer.
func raw[H any](handle H) uint64 { return *(*uint64)(unsafe.Pointer(&handle)) }

// handle is the inverse of raw.
func handle[H any](bits uint64) H { return *(*H)(unsafe.Pointer(&bits)) }

func nativeLoad(library string) bool {
	name := C.CString(library)
	defer C.free(unsafe.Pointer(name))
	return C.qvk_load(name) != 0
}

// nativeUse takes a caller's vkGetInstanceProcAddr in place of that of a loaded library.
func nativeUse(entry uintptr) { C.qvk_use(C.uintptr_t(entry)) }

func nativeEntry() unsafe.Pointer { return C.qvk_entry() }

func nativeInit(instance vulkan.Instance) { C.qvk_init(C.uint64_t(raw(instance))) }

func nativeInstanceVersion() uint32 { return uint32(C.qvk_instance_version()) }

func nativeHasLayer(layer string) bool {
	name := C.CString(layer)
	defer C.free(unsafe.Pointer(name))
	return C.qvk_has_layer(name) != 0
}

// nativeCreateInstance creates an instance with extensions; with a layer, messages go to
// log.
func nativeCreateInstance(layer string, log *messageLog, extensions []string) (vulkan.Instance, vulkan.Result) {
	var name *C.char
	var c *C.qvk_log
	if layer != "" {
		name = C.CString(layer)
		defer C.free(unsafe.Pointer(name))
		c = log.c
	}
	names := make([]*C.char, len(extensions)+1)
	for i, e := range extensions {
		names[i] = C.CString(e)
		defer C.free(unsafe.Pointer(names[i]))
	}
	var instance C.uint64_t
	r := C.qvk_create_instance(name, c, C.uint32_t(len(extensions)), &names[0], &instance)
	return handle[vulkan.Instance](uint64(instance)), vulkan.Result(r)
}

func nativeCreateDevice(p vulkan.PhysicalDevice, family uint32, features, statistics, swapchain bool) (vulkan.Device, vulkan.Result) {
	var device C.uint64_t
	r := C.qvk_create_device(C.uint64_t(raw(p)), C.uint32_t(family), truth(features), truth(statistics), truth(swapchain), &device)
	return handle[vulkan.Device](uint64(device)), vulkan.Result(r)
}

func nativeCreatePipeline(d vulkan.Device, cache vulkan.PipelineCache, m vulkan.ShaderModule,
	layout vulkan.PipelineLayout, ids, values []uint32, statistics bool) (vulkan.Pipeline, vulkan.Result) {
	var pipeline C.uint64_t
	r := C.qvk_create_pipeline(C.uint64_t(raw(d)), C.uint64_t(raw(cache)), C.uint64_t(raw(m)),
		C.uint64_t(raw(layout)), C.uint32_t(len(ids)), words32(ids), words32(values),
		truth(statistics), &pipeline)
	return handle[vulkan.Pipeline](uint64(pipeline)), vulkan.Result(r)
}

func nativeWriteSet(d vulkan.Device, set vulkan.DescriptorSet, bindings []uint32, buffers, offsets, sizes []uint64) {
	C.qvk_write_set(C.uint64_t(raw(d)), C.uint64_t(raw(set)), C.uint32_t(len(bindings)),
		words32(bindings), words64(buffers), words64(offsets), words64(sizes))
}

func nativeSubmit(q vulkan.Queue, commands vulkan.CommandBuffer, fence vulkan.Fence) vulkan.Result {
	return vulkan.Result(C.qvk_submit(C.uint64_t(raw(q)), C.uint64_t(raw(commands)), C.uint64_t(raw(fence))))
}

func nativeBarrier(commands vulkan.CommandBuffer, s barrierScopes) {
	C.qvk_barrier(C.uint64_t(raw(commands)), C.uint32_t(s.srcStages), C.uint32_t(s.dstStages),
		C.uint32_t(s.srcAccess), C.uint32_t(s.dstAccess))
}

// nativeCopy copies regions of source offset, target offset and size each.
func nativeCopy(commands vulkan.CommandBuffer, src, dst vulkan.Buffer, regions []uint64) {
	C.qvk_copy(C.uint64_t(raw(commands)), C.uint64_t(raw(src)), C.uint64_t(raw(dst)),
		C.uint32_t(len(regions)/3), words64(regions))
}

// truth is b as C has it.
func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func words32(w []uint32) *C.uint32_t { return (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(w))) }
func words64(w []uint64) *C.uint64_t { return (*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(w))) }

// messageLog holds validation messages in C memory.
type messageLog struct{ c *C.qvk_log }

func newMessageLog() (*messageLog, error) {
	c := C.qvk_log_new()
	if c == nil {
		return nil, ErrOutOfHostMemory
	}
	return &messageLog{c: c}, nil
}

// take returns the messages since the last call.
func (l *messageLog) take() []string {
	var all []string
	for {
		message := C.qvk_log_take(l.c)
		if message == nil {
			return all
		}
		all = append(all, C.GoString(message))
		C.free(unsafe.Pointer(message))
	}
}

func (l *messageLog) free() { C.qvk_log_free(l.c) }

func nativeCreateMessenger(i vulkan.Instance, l *messageLog) (uint64, vulkan.Result) {
	var messenger C.uint64_t
	r := C.qvk_create_messenger(C.uint64_t(raw(i)), l.c, &messenger)
	return uint64(messenger), vulkan.Result(r)
}

func nativeDestroyMessenger(i vulkan.Instance, messenger uint64) {
	C.qvk_destroy_messenger(C.uint64_t(raw(i)), C.uint64_t(messenger))
}
