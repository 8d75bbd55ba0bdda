package vk

import vulkan "github.com/vulkan-go/vulkan"

// A pool of descriptor sets of a recorder: setsPerPool dispatches.
const setsPerPool = 32

type setPool struct {
	handle            vulkan.DescriptorPool
	sets, descriptors int // allocated, and left
}

// newSet allocates a descriptor set of n storage buffers that lives as long as
// the recorder.
func (r *Recorder) newSet(layout vulkan.DescriptorSetLayout, n int) (vulkan.DescriptorSet, error) {
	pool, err := r.poolFor(n)
	if err != nil {
		return nil, err
	}
	layouts := []vulkan.DescriptorSetLayout{layout}
	defer pin(layouts)()
	info := vulkan.DescriptorSetAllocateInfo{SType: vulkan.StructureTypeDescriptorSetAllocateInfo,
		DescriptorPool: pool.handle, DescriptorSetCount: 1, PSetLayouts: layouts}
	defer info.Free()
	set, err := create(&r.device.calls, DescriptorSets, "vkAllocateDescriptorSets", "", func(h *vulkan.DescriptorSet) vulkan.Result {
		return vulkan.AllocateDescriptorSets(r.device.device, &info, h)
	})
	if err != nil {
		return nil, err
	}
	pool.sets++
	pool.descriptors -= n
	return set, nil
}

// poolFor is a pool with room for a set of n buffers.
func (r *Recorder) poolFor(n int) (*setPool, error) {
	if len(r.sets) > 0 {
		last := r.sets[len(r.sets)-1]
		if last.sets < setsPerPool && last.descriptors >= n {
			return last, nil
		}
	}
	descriptors := setsPerPool * max(n, 4)
	info := vulkan.DescriptorPoolCreateInfo{SType: vulkan.StructureTypeDescriptorPoolCreateInfo,
		MaxSets: setsPerPool, PoolSizeCount: 1, PPoolSizes: []vulkan.DescriptorPoolSize{{
			Type: vulkan.DescriptorTypeStorageBuffer, DescriptorCount: uint32(descriptors)}}}
	defer info.Free()
	made, err := create(&r.device.calls, DescriptorPools, "vkCreateDescriptorPool", "", func(h *vulkan.DescriptorPool) vulkan.Result {
		return vulkan.CreateDescriptorPool(r.device.device, &info, nil, h)
	})
	if err != nil {
		return nil, err
	}
	pool := &setPool{handle: made, descriptors: descriptors}
	r.sets = append(r.sets, pool)
	return pool, nil
}

// destroySets destroys the pools and with them all sets.
func (r *Recorder) destroySets() {
	for _, p := range r.sets {
		vulkan.DestroyDescriptorPool(r.device.device, p.handle, nil)
		r.device.count(DescriptorPools, -1)
		r.device.count(DescriptorSets, -int64(p.sets))
	}
	r.sets = nil
}
