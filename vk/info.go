package vk

// Info describes a device. Sizes are bytes.
type Info struct {
	Index         int           `json:"index"` // position in Devices, for Options.Device
	Name          string        `json:"name"`
	Type          string        `json:"type"` // discrete, integrated, virtual, cpu or other
	VendorID      uint32        `json:"vendor_id"`
	DeviceID      uint32        `json:"device_id"`
	Driver        string        `json:"driver"`      // name of the driver, "" if it does not tell
	DriverInfo    string        `json:"driver_info"` // its version in its own words
	DriverVersion uint32        `json:"driver_version"`
	APIVersion    string        `json:"api_version"`
	Compute       bool          `json:"compute"`    // it has a compute queue
	Timestamps    bool          `json:"timestamps"` // its compute queue has timestamps
	SubgroupSize  uint32        `json:"subgroup_size"`
	SubgroupSizes [2]uint32     `json:"subgroup_sizes"` // smallest and largest
	MemoryBytes   uint64        `json:"memory_bytes"`   // the largest device-local heap
	Limits        Limits        `json:"limits"`
	Features      Features      `json:"features"`
	FloatControls FloatControls `json:"float_controls"`
	FloatModes    FloatModes    `json:"float_modes"`
	Subnormals    string        `json:"subnormals,omitempty"` // "kept" or "flushed", as the probe of Open found
}

// Limits are those that this package enforces. Sizes are bytes.
type Limits struct {
	Invocations     uint32 `json:"invocations"`      // of a workgroup
	WorkgroupSize   uint32 `json:"workgroup_size"`   // of a workgroup, x
	SharedBytes     uint32 `json:"shared_bytes"`     // of a workgroup
	Workgroups      uint32 `json:"workgroups"`       // of a dispatch, x
	StorageBuffers  uint32 `json:"storage_buffers"`  // of a kernel
	PushBytes       uint32 `json:"push_bytes"`       // of a dispatch
	StorageRange    uint64 `json:"storage_range"`    // of a view
	StorageAlign    uint64 `json:"storage_align"`    // of a view's offset
	Allocations     uint32 `json:"allocations"`      // device allocations alive
	AllocationBytes uint64 `json:"allocation_bytes"` // of a buffer
}

// Features are optional abilities, enabled where they are true.
type Features struct {
	Int8                bool `json:"int8"`
	Int16               bool `json:"int16"`
	Int64               bool `json:"int64"`
	Float16             bool `json:"float16"`
	Storage8            bool `json:"storage8"`
	Storage16           bool `json:"storage16"`
	SubgroupSizeControl bool `json:"subgroup_size_control"`
}

// FloatControls say which behaviours of f32 a module may ask for.
type FloatControls struct {
	RoundToNearestEven bool `json:"round_to_nearest_even"`
	DenormPreserve     bool `json:"denorm_preserve"`
	DenormFlush        bool `json:"denorm_flush"`
	NaNPreserve        bool `json:"nan_preserve"`
}

// FloatModes are the behaviours that kernels with f32 arithmetic are told to
// have: those of an open device, or those that Open would choose.
type FloatModes struct {
	RoundingModeRTE bool `json:"rounding_mode_rte"`
	DenormPreserve  bool `json:"denorm_preserve"`
}

// MinimumLimits are what the Vulkan 1.1 specification guarantees.
func MinimumLimits() Limits {
	return Limits{
		Invocations: 128, WorkgroupSize: 128, SharedBytes: 16 << 10, Workgroups: 65535,
		StorageBuffers: 4, PushBytes: 128, StorageRange: 1 << 27, StorageAlign: 256,
		Allocations: 4096, AllocationBytes: 1 << 30,
	}
}

// lower brings limits down to the guaranteed ones and drops all features.
func (i *Info) lower() {
	i.Limits = MinimumLimits()
	i.Features = Features{}
	i.FloatControls = FloatControls{}
	i.FloatModes = FloatModes{}
}
