package vk

import (
	vulkan "github.com/vulkan-go/vulkan"

	"github.com/qaqvk/qaqvk/shaders"
)

// kernelLayout is what all pipelines of a kernel share.
type kernelLayout struct {
	set      vulkan.DescriptorSetLayout
	pipeline vulkan.PipelineLayout
}

// maxBindings is what a kernel can have whatever the device allows: the size
// of the arrays in native_calls.c.
const maxBindings = 64

// layoutOf makes the layouts of a kernel, once.
func (d *Device) layoutOf(k *shaders.Kernel) (*kernelLayout, error) {
	d.pipelineMu.Lock()
	defer d.pipelineMu.Unlock()
	if l := d.layouts[k]; l != nil {
		return l, nil
	}
	l := &kernelLayout{}
	if err := d.makeLayout(k, l); err != nil {
		d.destroyLayout(l)
		return nil, err
	}
	d.layouts[k] = l
	return l, nil
}

func (d *Device) makeLayout(k *shaders.Kernel, l *kernelLayout) error {
	if err := d.makeSetLayout(k, l); err != nil {
		return err
	}
	return d.makePipelineLayout(k, l)
}

func (d *Device) makeSetLayout(k *shaders.Kernel, l *kernelLayout) error {
	bindings := make([]vulkan.DescriptorSetLayoutBinding, len(k.Bindings))
	for i, b := range k.Bindings {
		bindings[i] = vulkan.DescriptorSetLayoutBinding{Binding: b.Index, DescriptorCount: 1,
			DescriptorType: vulkan.DescriptorTypeStorageBuffer,
			StageFlags:     vulkan.ShaderStageFlags(vulkan.ShaderStageComputeBit)}
	}
	info := vulkan.DescriptorSetLayoutCreateInfo{SType: vulkan.StructureTypeDescriptorSetLayoutCreateInfo,
		BindingCount: uint32(len(bindings)), PBindings: bindings}
	defer info.Free()
	var err error
	l.set, err = create(&d.calls, SetLayouts, "vkCreateDescriptorSetLayout", k.Name, func(h *vulkan.DescriptorSetLayout) vulkan.Result {
		return vulkan.CreateDescriptorSetLayout(d.device, &info, nil, h)
	})
	return err
}

func (d *Device) makePipelineLayout(k *shaders.Kernel, l *kernelLayout) error {
	sets := []vulkan.DescriptorSetLayout{l.set}
	defer pin(sets)()
	info := vulkan.PipelineLayoutCreateInfo{SType: vulkan.StructureTypePipelineLayoutCreateInfo,
		SetLayoutCount: 1, PSetLayouts: sets}
	if k.PushSize > 0 {
		info.PushConstantRangeCount = 1
		info.PPushConstantRanges = []vulkan.PushConstantRange{{
			StageFlags: vulkan.ShaderStageFlags(vulkan.ShaderStageComputeBit), Size: k.PushSize}}
	}
	defer info.Free()
	var err error
	l.pipeline, err = create(&d.calls, PipelineLayouts, "vkCreatePipelineLayout", k.Name, func(h *vulkan.PipelineLayout) vulkan.Result {
		return vulkan.CreatePipelineLayout(d.device, &info, nil, h)
	})
	return err
}

func (d *Device) destroyLayout(l *kernelLayout) {
	if l.pipeline != vulkan.NullPipelineLayout {
		vulkan.DestroyPipelineLayout(d.device, l.pipeline, nil)
		d.count(PipelineLayouts, -1)
	}
	if l.set != vulkan.NullDescriptorSetLayout {
		vulkan.DestroyDescriptorSetLayout(d.device, l.set, nil)
		d.count(SetLayouts, -1)
	}
}
