package main

// #include "native.h"
import "C"

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/capi"
	"github.com/qaqvk/qaqvk/vk"
)

// deviceOptions are the caller's, NULL for defaults.
func deviceOptions(o C.device_options_in) (device.Options, error) {
	if o == nil {
		return device.Options{}, nil
	}
	if err := input("options", o); err != nil {
		return device.Options{}, err
	}
	if o.memory_limit > math.MaxInt64 {
		return device.Options{}, fmt.Errorf("memory_limit %d: must be at most %d: %w", o.memory_limit, int64(math.MaxInt64), capi.ErrArgument)
	}
	return device.Options{Validation: o.validation != 0, MinimumLimits: o.minimum_limits != 0,
		PipelineCache: C.GoString(o.pipeline_cache), MemoryLimit: int64(o.memory_limit)}, nil
}

//export qaqvk_device_open
func qaqvk_device_open(name C.text_in, options C.device_options_in, to *C.qaqvk_device) C.int32_t {
	return call("qaqvk_device_open", func() error {
		return made(to, func() (capi.Handle, error) {
			n, err := text("name", name)
			o, err2 := deviceOptions(options)
			if err := first(err, err2); err != nil {
				return 0, err
			}
			return capi.OpenDevice(n, o)
		})
	})
}

//export qaqvk_device_adopt
func qaqvk_device_adopt(vulkan C.vulkan_in, options C.device_options_in, to *C.qaqvk_device) C.int32_t {
	return call("qaqvk_device_adopt", func() error {
		return made(to, func() (capi.Handle, error) {
			o, err := deviceOptions(options)
			if err := first(input("vulkan", vulkan), err); err != nil {
				return 0, err
			}
			h, err := handles(vulkan)
			if err != nil {
				return 0, err
			}
			return capi.AdoptDevice(h, o)
		})
	})
}

// handles are the caller's objects.
func handles(v C.vulkan_in) (vk.Handles, error) {
	h := vk.Handles{Instance: uintptr(unsafe.Pointer(v.instance)), PhysicalDevice: uintptr(unsafe.Pointer(v.physical_device)),
		Device: uintptr(unsafe.Pointer(v.device)), Queue: uintptr(unsafe.Pointer(v.queue)), QueueFamily: uint32(v.queue_family),
		GetInstanceProcAddr: uintptr(unsafe.Pointer(v.get_instance_proc_addr))}
	if h.Instance == 0 || h.PhysicalDevice == 0 || h.Device == 0 || h.Queue == 0 {
		return h, fmt.Errorf("vulkan: instance, physical_device, device or queue is NULL: %w", capi.ErrArgument)
	}
	if (v.lock == nil) != (v.unlock == nil) {
		return h, fmt.Errorf("vulkan: one of lock and unlock: must be both or none: %w", capi.ErrArgument)
	}
	names, err := extensions(v)
	h.FloatControls = slices.Contains(names, C.GoString(C.qaqvk_wanted_extension(0)))
	if v.lock != nil {
		lock, unlock, user := v.lock, v.unlock, v.queue_user
		h.Lock = func() { C.qvk_lock(lock, user) }
		h.Unlock = func() { C.qvk_lock(unlock, user) }
	}
	return h, err
}

// extensions are the names of those that the caller enabled.
func extensions(v C.vulkan_in) (names []string, err error) {
	n := v.enabled_extension_count
	if n > mostStruct || n > 0 && v.enabled_extensions == nil {
		return nil, fmt.Errorf("vulkan: enabled_extensions: %d, or NULL: %w", n, capi.ErrArgument)
	}
	for _, name := range unsafe.Slice(v.enabled_extensions, n) {
		names = append(names, C.GoString(name))
	}
	return names, nil
}

//export qaqvk_device_get_info
func qaqvk_device_get_info(handle C.qaqvk_device, info *C.qaqvk_device_info) C.int32_t {
	return call("qaqvk_device_get_info", func() error {
		if err := input("info", info); err != nil {
			return err
		}
		i, err := capi.InfoOf(capi.Handle(handle))
		if err != nil {
			return err
		}
		*info = C.qaqvk_device_info{struct_size: info.struct_size, live_bytes: C.uint64_t(i.LiveBytes),
			committed_bytes: C.uint64_t(i.CommittedBytes), peak_bytes: C.uint64_t(i.PeakBytes), vulkan: truth(i.Vulkan)}
		copyText(info.name[:], i.Name)
		copyText(info.driver[:], i.Driver)
		return nil
	})
}

// copyText copies as much of a string as fits before its end.
func copyText(to []C.char, s string) {
	for i := range min(len(s), len(to)-1) {
		to[i] = C.char(s[i])
	}
}

func truth(b bool) C.uint32_t {
	if b {
		return 1
	}
	return 0
}

//export qaqvk_device_close
func qaqvk_device_close(handle C.qaqvk_device) C.int32_t {
	return call("qaqvk_device_close", func() error { return capi.CloseDevice(capi.Handle(handle)) })
}

//export qaqvk_buffer_import
func qaqvk_buffer_import(of C.qaqvk_device, buffer, size C.uint64_t, to *C.qaqvk_buffer) C.int32_t {
	return call("qaqvk_buffer_import", func() error {
		return made(to, func() (capi.Handle, error) {
			return capi.ImportBuffer(capi.Handle(of), uint64(buffer), uint64(size))
		})
	})
}

//export qaqvk_buffer_release
func qaqvk_buffer_release(handle C.qaqvk_buffer) C.int32_t {
	return call("qaqvk_buffer_release", func() error { return capi.ReleaseBuffer(capi.Handle(handle)) })
}
