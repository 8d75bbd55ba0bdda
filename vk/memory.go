package vk

import (
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

// Memory is where a buffer lives.
type Memory int

const (
	// DeviceLocal is the device's own memory; the host cannot see it.
	DeviceLocal Memory = iota
	// Upload is host memory for writing by the host: coherent, not cached if
	// the device offers that.
	Upload
	// Download is host memory for reading by the host: coherent, cached if the
	// device offers both together.
	Download
	memoryKinds
)

var memoryNames = [memoryKinds]string{"device-local", "upload", "download"}

// String names the kind.
func (m Memory) String() string {
	if m < 0 || m >= memoryKinds {
		return fmt.Sprintf("Memory(%d)", int(m))
	}
	return memoryNames[m]
}

// memoryType is an entry of the device's table of memory types.
type memoryType struct {
	flags vulkan.MemoryPropertyFlagBits
	heap  uint32
}

const (
	local    = vulkan.MemoryPropertyDeviceLocalBit
	visible  = vulkan.MemoryPropertyHostVisibleBit
	coherent = vulkan.MemoryPropertyHostCoherentBit
	cached   = vulkan.MemoryPropertyHostCachedBit
	// special types need a feature or an image to be used: lazily allocated,
	// protected, and all vendor flags behind them.
	special = ^(local | visible | coherent | cached)
)

// preference says what a memory type must have and scores the rest.
type preference struct {
	must  vulkan.MemoryPropertyFlagBits
	score func(vulkan.MemoryPropertyFlagBits) int
}

// Host kinds demand coherence: the specification guarantees such a type for
// every buffer, so no flush or invalidate is ever needed.
var preferences = [memoryKinds]preference{
	DeviceLocal: {0, func(f vulkan.MemoryPropertyFlagBits) int {
		return 4*has(f, local) - has(f, visible) // leaves a small host-visible window to others
	}},
	Upload: {visible | coherent, func(f vulkan.MemoryPropertyFlagBits) int {
		return -2*has(f, local) - has(f, cached)
	}},
	Download: {visible | coherent, func(f vulkan.MemoryPropertyFlagBits) int {
		return 2*has(f, cached) - has(f, local)
	}},
}

func has(f, bit vulkan.MemoryPropertyFlagBits) int {
	if f&bit != 0 {
		return 1
	}
	return 0
}

// pickType is the index of the best memory type for a kind among the allowed
// ones (bit i: type i); of equal ones the first, as drivers order them.
func pickType(types []memoryType, allowed uint32, m Memory) (uint32, error) {
	p := preferences[m]
	best := -1
	for i, t := range types {
		if allowed&(1<<i) == 0 || t.flags&p.must != p.must || t.flags&special != 0 {
			continue
		}
		if best < 0 || p.score(t.flags) > p.score(types[best].flags) {
			best = i
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("vk: no %s memory type among %#x of %d", m, allowed, len(types))
	}
	return uint32(best), nil
}
