package device

// Workgroup is the number of invocations of a workgroup: what every Vulkan
// device has.
const Workgroup = 128

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

// MixLanes are the invocations that share a chunk of 32 elements of a row of V
// in mix: a subgroup's, as far as the word of a plane has bits for them. On a
// CPU, where each of a subgroup's loads takes as long as if it were of another
// address, it is one.
func (l Limits) MixLanes() int {
	switch {
	case l.CPU:
		return 1
	case l.SubgroupSize >= 32:
		return 32
	case l.SubgroupSize >= 16:
		return 16
	}
	return 8
}

// ScoreWorkgroup are the invocations of a workgroup of score, and so the tokens
// that a part of a sequence is rounded up to: few on a CPU.
func (l Limits) ScoreWorkgroup() int {
	if l.CPU {
		return 64
	}
	return Workgroup
}

// AttendWorkgroup are the invocations of a workgroup of soften and mix. On a CPU
// it is those that run together: barriers between more cost much there, and
// small workgroups spread better over its threads.
func (l Limits) AttendWorkgroup() int {
	if l.CPU {
		return int(max(8, l.SubgroupSize))
	}
	return 64
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
