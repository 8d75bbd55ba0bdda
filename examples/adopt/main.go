// Command adopt lends a cache the Vulkan device of a runtime (runtime.h).
package main

/*
#cgo LDFLAGS: -lvulkan
#include "runtime.h"
*/
import "C"

import (
	"context"
	"fmt"
	"log"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/vk"
)

func main() {
	var own C.runtime
	if r := C.create(&own); r != C.VK_SUCCESS {
		log.Fatalf("the runtime has no Vulkan device: VkResult %d", r)
	}
	defer C.destroy(&own)
	adopted, err := device.Adopt(vk.Handles{Instance: uintptr(unsafe.Pointer(own.instance)),
		PhysicalDevice: uintptr(unsafe.Pointer(own.physical)), Device: uintptr(unsafe.Pointer(own.device)),
		Queue: uintptr(unsafe.Pointer(own.queue)), QueueFamily: uint32(own.family)}, device.Options{})
	check(err)
	cpu, err := device.Open("cpu", device.Options{})
	check(err)
	fmt.Println("the same bits as on the CPU:", attention(adopted) == attention(cpu))
	fmt.Println("the device still works:", C.vkDeviceWaitIdle(own.device) == C.VK_SUCCESS)
}

func attention(dev device.Device) (out [32]float32) { // of the last of 64 tokens
	cache, err := backend.New(dev, backend.Config{Layers: 1, KVHeads: 1, QueryHeads: 1, HeadDim: 32, Capacity: 64})
	check(err)
	text, err := cache.NewSequence()
	check(err)
	for token := range 64 {
		x := make([]float32, 32)
		x[token%32] = float32(token)
		row := backend.RowsF32(x)
		check(text.Append(0, row, row))
		check(text.Attend(context.Background(), 0, row, backend.RowsF32(out[:]), backend.AttendOptions{}))
		check(text.Step(context.Background()))
	}
	cache.Close()
	check(dev.Close())
	return out
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
