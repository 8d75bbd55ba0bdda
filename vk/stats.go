package vk

// Stats is a snapshot of what a device holds. After Close all is zero.
type Stats struct {
	Memory  [3]MemoryStats   // by Memory kind
	Objects map[Object]int64 // Vulkan objects alive by kind, without zeros
}

// MemoryStats are bytes of one kind of memory.
type MemoryStats struct {
	LiveBytes      uint64 // sizes of the buffers
	PeakBytes      uint64 // the most that LiveBytes has been
	CommittedBytes uint64 // sizes of the device allocations that hold them
}

// Stats counts what the device holds now.
func (d *Device) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := Stats{Objects: map[Object]int64{}}
	for m := range s.Memory {
		s.Memory[m] = MemoryStats{LiveBytes: d.live[m], PeakBytes: d.peak[m], CommittedBytes: d.committed[m]}
	}
	for o := range objectKinds {
		if n := d.objects[o].Load(); n != 0 {
			s.Objects[o] = n
		}
	}
	return s
}

// LiveBytes is the sum over all kinds of memory.
func (s Stats) LiveBytes() uint64 {
	var sum uint64
	for _, m := range s.Memory {
		sum += m.LiveBytes
	}
	return sum
}

// CommittedBytes is the sum over all kinds of memory.
func (s Stats) CommittedBytes() uint64 {
	var sum uint64
	for _, m := range s.Memory {
		sum += m.CommittedBytes
	}
	return sum
}
