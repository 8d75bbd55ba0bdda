package device

import "strings"

// Options say how a device is opened.
type Options struct {
	Validation    bool   // Vulkan validation layers; their messages fail Close
	MinimumLimits bool   // keep to the limits that every Vulkan 1.1 device has
	PipelineCache string // file that keeps compiled pipelines; "" for none
	MemoryLimit   int64  // bytes of memory to take at most; what is beyond fails with vk.ErrMemoryLimit; 0: no limit
}

// Open opens "cpu" (the reference, needs no Vulkan), a Vulkan device
// ("" for the best, an index, or a part of its name), or "both:<name>", which
// runs every list on the Vulkan device and on the reference and compares what
// they wrote, bit for bit.
func Open(name string, o Options) (Device, error) {
	if name == "cpu" {
		return newCPUDevice(o), nil
	}
	checked, both := strings.CutPrefix(name, "both:")
	d, err := openVK(checked, o)
	if err != nil || !both {
		return d, err
	}
	return newBothDevice(d, o), nil
}
