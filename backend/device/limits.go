package device

import "github.com/qaqvk/qaqvk/shaders"

// Limits are what a dispatch must keep to.
type Limits struct {
	Workgroups   uint32 `json:"workgroups"`    // workgroups a dispatch
	Invocations  uint32 `json:"invocations"`   // invocations a workgroup
	SharedBytes  uint32 `json:"shared_bytes"`  // shared memory a workgroup
	PushBytes    uint32 `json:"push_bytes"`    // push constants a dispatch
	Bindings     uint32 `json:"bindings"`      // storage buffers a kernel
	ViewWords    int    `json:"view_words"`    // words of a view
	ViewAlign    int    `json:"view_align"`    // words that divide a view's offset
	SubgroupSize uint32 `json:"subgroup_size"` // invocations that run together; 1 on cpu
	CPU          bool   `json:"cpu"`           // the device is the host's processor
}

// Target is what kernels are specialized for.
func (l Limits) Target() shaders.Target {
	return shaders.Target{SubgroupSize: l.SubgroupSize, CPU: l.CPU}
}

// MinimumLimits are the limits that every Vulkan 1.1 device keeps to.
var MinimumLimits = Limits{
	Workgroups:   65535,
	Invocations:  128,
	SharedBytes:  16384,
	PushBytes:    128,
	Bindings:     4,
	ViewWords:    1 << 25,
	ViewAlign:    64,
	SubgroupSize: 1,
}
