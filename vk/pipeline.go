package vk

import (
	"encoding/binary"
	"fmt"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"

	"github.com/qaqvk/qaqvk/internal/spirv"
	"github.com/qaqvk/qaqvk/shaders"
)

// Pipeline is a kernel compiled for a device under one specialization. It
// lives until the device is closed.
type Pipeline struct {
	device *Device
	kernel *shaders.Kernel
	layout *kernelLayout
	handle vulkan.Pipeline
	size   uint32
}

// Kernel is the kernel that was compiled.
func (p *Pipeline) Kernel() *shaders.Kernel { return p.kernel }

// Workgroup is the number of invocations of a workgroup.
func (p *Pipeline) Workgroup() uint32 { return p.size }

type pipelineKey struct {
	kernel *shaders.Kernel
	spec   string
}

// pipelineEntry is a pipeline that the first to ask for it builds.
type pipelineEntry struct {
	once     sync.Once
	pipeline *Pipeline
	err      error
}

// NewPipeline compiles k with one value per constant, or returns the pipeline
// it compiled before. Different pipelines can be compiled at the same time. It fails
// with ErrLimit for a kernel that needs more buffers, push constants, invocations or
// shared memory than the device allows.
func (d *Device) NewPipeline(k *shaders.Kernel, spec []uint32) (*Pipeline, error) {
	if k == nil {
		return nil, fmt.Errorf("vk: pipeline of no kernel")
	}
	what := "pipeline " + k.Name
	if len(spec) != len(k.Constants) {
		return nil, fmt.Errorf("vk: %s: %d specialization values, want %d", what, len(spec), len(k.Constants))
	}
	d.building.RLock()
	defer d.building.RUnlock()
	d.mu.Lock()
	err := d.open(what)
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	key := pipelineKey{k, specKey(spec)}
	e := d.entry(key)
	e.once.Do(func() { e.pipeline, e.err = d.build(k, spec, what) })
	if e.err != nil {
		d.forget(key, e)
	}
	return e.pipeline, e.err
}

func (d *Device) entry(key pipelineKey) *pipelineEntry {
	d.pipelineMu.Lock()
	defer d.pipelineMu.Unlock()
	e := d.pipelines[key]
	if e == nil {
		e = &pipelineEntry{}
		d.pipelines[key] = e
	}
	return e
}

// forget lets the next who asks for a pipeline that failed try again.
func (d *Device) forget(key pipelineKey, e *pipelineEntry) {
	d.pipelineMu.Lock()
	defer d.pipelineMu.Unlock()
	if d.pipelines[key] == e {
		delete(d.pipelines, key)
	}
}

func (d *Device) build(k *shaders.Kernel, spec []uint32, what string) (*Pipeline, error) {
	module, err := spirv.Parse(k.SPIRV)
	if err != nil {
		return nil, fmt.Errorf("vk: %s: %w", what, err)
	}
	values := valuesOf(k, spec)
	size, err := d.checkKernel(k, module, values, what)
	if err != nil {
		return nil, err
	}
	if module, err = module.Prune(values); err != nil {
		return nil, fmt.Errorf("vk: %s: %w", what, err)
	}
	layout, err := d.layoutOf(k)
	if err != nil {
		return nil, err
	}
	p := &Pipeline{device: d, kernel: k, layout: layout, size: size}
	if err := d.compile(p, module, spec); err != nil {
		return nil, err
	}
	return p, nil
}

// Compiled says whether NewPipeline has a pipeline, or another goroutine builds it.
func (d *Device) Compiled(k *shaders.Kernel, spec []uint32) bool {
	d.pipelineMu.Lock()
	defer d.pipelineMu.Unlock()
	return d.pipelines[pipelineKey{k, specKey(spec)}] != nil
}

func specKey(spec []uint32) string {
	b := make([]byte, 0, 4*len(spec))
	for _, w := range spec {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return string(b)
}

// valuesOf are the values of a kernel's constants by SpecId.
func valuesOf(k *shaders.Kernel, spec []uint32) map[uint32]uint32 {
	values := map[uint32]uint32{}
	for i, c := range k.Constants {
		values[c.ID] = spec[i]
	}
	return values
}

// compile makes the pipeline of a module, which is not needed afterwards.
func (d *Device) compile(p *Pipeline, module *spirv.Module, spec []uint32) error {
	ids := make([]uint32, len(spec))
	for i, c := range p.kernel.Constants {
		ids[i] = c.ID
	}
	shader, err := d.makeModule(p.kernel, module)
	if err != nil {
		return err
	}
	defer d.destroyModule(shader)
	p.handle, err = create(&d.calls, Pipelines, "vkCreateComputePipelines", p.kernel.Name, func(h *vulkan.Pipeline) (r vulkan.Result) {
		*h, r = nativeCreatePipeline(d.device, d.cache.handle, shader, p.layout.pipeline, ids, spec, d.compileOnly)
		return r
	})
	if err == nil {
		d.pipelineMu.Lock()
		d.cache.changed = true
		d.pipelineMu.Unlock()
	}
	return err
}

func (d *Device) makeModule(k *shaders.Kernel, module *spirv.Module) (vulkan.ShaderModule, error) {
	code := d.info.FloatModes.request(module, d.physical.floatSharing)
	defer pin(code)()
	info := vulkan.ShaderModuleCreateInfo{SType: vulkan.StructureTypeShaderModuleCreateInfo,
		CodeSize: uint(4 * len(code)), PCode: code}
	defer info.Free()
	return create(&d.calls, ShaderModules, "vkCreateShaderModule", k.Name, func(h *vulkan.ShaderModule) vulkan.Result {
		return vulkan.CreateShaderModule(d.device, &info, nil, h)
	})
}

func (d *Device) destroyModule(m vulkan.ShaderModule) {
	vulkan.DestroyShaderModule(d.device, m, nil)
	d.count(ShaderModules, -1)
}

// checkKernel compares a kernel with the enforced limits and the enabled
// features; it returns the size of the workgroup.
func (d *Device) checkKernel(k *shaders.Kernel, module *spirv.Module, values map[uint32]uint32, what string) (uint32, error) {
	needs, err := module.Requirements(values)
	if err != nil {
		return 0, fmt.Errorf("vk: %s: %w", what, err)
	}
	if needs.Workgroup[1] != 1 || needs.Workgroup[2] != 1 || needs.Workgroup[0] == 0 {
		return 0, fmt.Errorf("vk: %s: workgroup %v is not one-dimensional", what, needs.Workgroup)
	}
	if err := d.info.Features.allow(needs.Capabilities); err != nil {
		return 0, fmt.Errorf("vk: %s: %w", what, err)
	}
	l := d.info.Limits
	checks := []struct {
		value, limit uint64
		unit         string
	}{
		{uint64(len(k.Bindings)), min(uint64(l.StorageBuffers), maxBindings), "storage buffers"},
		{uint64(k.PushSize), uint64(l.PushBytes), "bytes of push constants"},
		{uint64(needs.Workgroup[0]), uint64(min(l.Invocations, l.WorkgroupSize)), "invocations a workgroup"},
		{needs.SharedBytes, uint64(l.SharedBytes), "bytes of shared memory"},
	}
	for _, c := range checks {
		if c.value > c.limit {
			return 0, limitError(what, c.value, c.limit, c.unit)
		}
	}
	return needs.Workgroup[0], nil
}

// allow fails for a SPIR-V capability that is not enabled.
func (f Features) allow(capabilities []uint32) error {
	const shader, subgroupBasic = 1, 61 // every Vulkan 1.1 device has these
	enabled := map[uint32]bool{shader: true, subgroupBasic: true, 9: f.Float16, 11: f.Int64,
		22: f.Int16, 39: f.Int8, 4433: f.Storage16, 4448: f.Storage8}
	for _, c := range capabilities {
		if !enabled[c] {
			return fmt.Errorf("SPIR-V capability %d is not enabled: %w", c, ErrLimit)
		}
	}
	return nil
}

// destroyPipelines destroys pipelines, layouts and the pipeline cache.
func (d *Device) destroyPipelines() {
	d.building.Lock()
	defer d.building.Unlock()
	d.pipelineMu.Lock() // Compiled does not build
	defer d.pipelineMu.Unlock()
	for _, e := range d.pipelines {
		vulkan.DestroyPipeline(d.device, e.pipeline.handle, nil)
		d.count(Pipelines, -1)
	}
	for _, l := range d.layouts {
		d.destroyLayout(l)
	}
	clear(d.pipelines)
	clear(d.layouts)
	d.destroyPipelineCache()
}
