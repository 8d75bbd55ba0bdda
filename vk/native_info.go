package vk

/*
#include "native.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// physical is a device of an instance and what it offers.
type physical struct {
	handle       vulkan.PhysicalDevice
	info         Info
	version      uint32 // of Vulkan
	cacheUUID    [16]byte
	period       float32 // nanoseconds of a timestamp tick
	types        []memoryType
	families     []queueFamily
	floatSharing floatSharing
	statistics   bool // it tells of compiled pipelines
	swapchain    bool // it may present to windows
}

type queueFamily struct {
	compute       bool
	timestampBits uint32
}

// nativePhysical reads what a physical device offers.
func nativePhysical(p vulkan.PhysicalDevice, index int) *physical {
	var c C.qvk_info
	C.qvk_device_info(C.uint64_t(raw(p)), &c)
	out := &physical{handle: p, version: uint32(c.api_version), period: float32(c.timestamp_period),
		statistics: c.statistics != 0, swapchain: c.swapchain != 0}
	copy(out.cacheUUID[:], unsafe.Slice((*byte)(unsafe.Pointer(&c.cache_uuid)), 16))
	for i := range int(c.type_count) {
		out.types = append(out.types, memoryType{
			flags: vulkan.MemoryPropertyFlagBits(c.type_flags[i]), heap: uint32(c.type_heap[i])})
	}
	for i := range int(c.family_count) {
		out.families = append(out.families, queueFamily{
			compute:       uint32(c.family_flags[i])&uint32(vulkan.QueueComputeBit) != 0,
			timestampBits: uint32(c.family_timestamp_bits[i])})
	}
	out.info = infoOf(&c, index)
	out.floatSharing = floatSharing{rounding: c.rounding_shared != 0, denorm: c.denorm_shared != 0}
	if out.info.DriverInfo == "" { // before Vulkan 1.2, or a driver that leaves it out
		out.info.DriverInfo = versionName(out.info.DriverVersion)
	}
	if family, err := chooseFamily(out.families); err == nil {
		out.info.Compute = true
		out.info.Timestamps = out.families[family].timestampBits > 0 && out.period > 0
	}
	return out
}

func infoOf(c *C.qvk_info, index int) Info {
	return Info{
		Index: index, Name: C.GoString(&c.name[0]), Type: typeName(uint32(c._type)),
		VendorID: uint32(c.vendor_id), DeviceID: uint32(c.device_id),
		Driver: C.GoString(&c.driver[0]), DriverInfo: C.GoString(&c.driver_info[0]),
		DriverVersion: uint32(c.driver_version), APIVersion: versionName(uint32(c.api_version)),
		SubgroupSize:  uint32(c.subgroup_size),
		SubgroupSizes: [2]uint32{uint32(c.subgroup_min), uint32(c.subgroup_max)},
		MemoryBytes:   largestHeap(c), Limits: limitsOf(c), Features: featuresOf(c),
		FloatControls: FloatControls{
			RoundToNearestEven: c.rte32 != 0, DenormPreserve: c.denorm_preserve32 != 0,
			DenormFlush: c.denorm_flush32 != 0, NaNPreserve: c.nan_preserve32 != 0},
		FloatModes: FloatModes{RoundingModeRTE: c.rte32 != 0, DenormPreserve: c.denorm_preserve32 != 0},
	}
}

func limitsOf(c *C.qvk_info) Limits {
	return Limits{
		Invocations: uint32(c.invocations), WorkgroupSize: uint32(c.workgroup_size[0]),
		SharedBytes: uint32(c.shared_bytes), Workgroups: uint32(c.workgroups[0]),
		StorageBuffers: min(uint32(c.storage_buffers), uint32(c.set_storage_buffers)),
		PushBytes:      uint32(c.push_bytes), StorageRange: uint64(c.storage_range),
		StorageAlign: max(uint64(c.storage_align), 4), Allocations: uint32(c.allocations),
		AllocationBytes: uint64(c.allocation_bytes),
	}
}

func featuresOf(c *C.qvk_info) Features {
	return Features{
		Int8: c.shader_int8 != 0, Int16: c.shader_int16 != 0, Int64: c.shader_int64 != 0,
		Float16: c.shader_float16 != 0, Storage8: c.storage8 != 0, Storage16: c.storage16 != 0,
		SubgroupSizeControl: c.subgroup_control != 0,
	}
}

func largestHeap(c *C.qvk_info) uint64 {
	var largest uint64
	for i := range int(c.heap_count) {
		if uint32(c.heap_flags[i])&uint32(vulkan.MemoryHeapDeviceLocalBit) != 0 {
			largest = max(largest, uint64(c.heap_size[i]))
		}
	}
	return largest
}

func versionName(v uint32) string {
	return fmt.Sprintf("%d.%d.%d", v>>22&0x7f, v>>12&0x3ff, v&0xfff)
}

func typeName(t uint32) string {
	names := map[uint32]string{1: "integrated", 2: "discrete", 3: "virtual", 4: "cpu"}
	if name, ok := names[t]; ok {
		return name
	}
	return "other"
}
