package vk

/*
#include "native.h"
*/
import "C"

import vulkan "github.com/vulkan-go/vulkan"

// nativeExecutables fills out, or returns their number where out is nil.
func nativeExecutables(d vulkan.Device, p vulkan.Pipeline, out []Executable) (int, vulkan.Result) {
	count := C.uint32_t(len(out))
	list := make([]C.qvk_executable, len(out))
	r := C.qvk_executables(C.uint64_t(raw(d)), C.uint64_t(raw(p)), &count, first(list))
	for i := range list[:min(int(count), len(list))] {
		out[i] = Executable{Name: C.GoString(&list[i].name[0]), SubgroupSize: uint32(list[i].subgroup_size)}
	}
	return int(count), vulkan.Result(r)
}

// nativeStatistics fills out, or returns their number where out is nil.
func nativeStatistics(d vulkan.Device, p vulkan.Pipeline, executable int, out []Statistic) (int, vulkan.Result) {
	count := C.uint32_t(len(out))
	list := make([]C.qvk_statistic, len(out))
	r := C.qvk_statistics(C.uint64_t(raw(d)), C.uint64_t(raw(p)), C.uint32_t(executable), &count, first(list))
	for i := range list[:min(int(count), len(list))] {
		out[i] = Statistic{Name: C.GoString(&list[i].name[0]), Description: C.GoString(&list[i].description[0]),
			Value: float64(list[i].value)}
	}
	return int(count), vulkan.Result(r)
}

// first is where C writes a list, NULL for one without elements.
func first[T any](list []T) *T {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}
