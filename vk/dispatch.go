package vk

import (
	"fmt"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// View is a range of bytes of a buffer that a kernel sees. Offset is a multiple
// of Limits.StorageAlign, Size of 4; Size 0 is all behind Offset.
type View struct {
	Buffer       *Buffer
	Offset, Size int64
}

// Dispatch runs groups workgroups of p with push constants and one view per
// binding, in the order of the kernel's bindings. No groups is no dispatch.
func (r *Recorder) Dispatch(p *Pipeline, push []byte, groups uint32, views ...View) {
	if p == nil {
		r.err = firstError(r.err, fmt.Errorf("vk: dispatch of no pipeline"))
	}
	if !r.ready("dispatch") {
		return
	}
	what := "dispatch " + p.kernel.Name
	if r.err = r.checkDispatch(what, p, push, groups, views); r.err == nil && groups > 0 {
		r.dispatch(p, push, groups, views)
	}
}

// Prepare runs no workgroup of p, each of whose views is b, on the device: drivers
// that compile a kernel when it first runs do so then.
func (r *Recorder) Prepare(p *Pipeline, b *Buffer) {
	if p == nil {
		r.err = firstError(r.err, fmt.Errorf("vk: prepare no pipeline"))
	}
	if !r.ready("prepare") {
		return
	}
	views := make([]View, len(p.kernel.Bindings))
	for i := range views {
		views[i].Buffer = b
	}
	push := make([]byte, p.kernel.PushSize)
	if r.err = r.checkDispatch("prepare "+p.kernel.Name, p, push, 0, views); r.err == nil {
		r.dispatch(p, push, 0, views)
	}
}

// dispatch records what was checked.
func (r *Recorder) dispatch(p *Pipeline, push []byte, groups uint32, views []View) {
	set, err := r.newSet(p.layout.set, len(views))
	if err != nil {
		r.err = err
		return
	}
	r.writeSet(set, p, views)
	vulkan.CmdBindPipeline(r.commands, vulkan.PipelineBindPointCompute, p.handle)
	vulkan.CmdBindDescriptorSets(r.commands, vulkan.PipelineBindPointCompute, p.layout.pipeline,
		0, 1, []vulkan.DescriptorSet{set}, 0, nil)
	if len(push) > 0 {
		vulkan.CmdPushConstants(r.commands, p.layout.pipeline, vulkan.ShaderStageFlags(vulkan.ShaderStageComputeBit),
			0, uint32(len(push)), unsafe.Pointer(unsafe.SliceData(push)))
	}
	vulkan.CmdDispatch(r.commands, groups, 1, 1)
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (r *Recorder) checkDispatch(what string, p *Pipeline, push []byte, groups uint32, views []View) error {
	limits := r.device.info.Limits
	switch {
	case p.device != r.device:
		return fmt.Errorf("vk: %s: pipeline of another device", what)
	case len(push) != int(p.kernel.PushSize):
		return fmt.Errorf("vk: %s: %d bytes of push constants, want %d", what, len(push), p.kernel.PushSize)
	case len(views) != len(p.kernel.Bindings):
		return fmt.Errorf("vk: %s: %d views, want %d", what, len(views), len(p.kernel.Bindings))
	case groups > limits.Workgroups:
		return limitError(what, uint64(groups), uint64(limits.Workgroups), "workgroups")
	}
	for i := range views {
		if err := r.checkView(fmt.Sprintf("%s: view %s", what, p.kernel.Bindings[i].Name), &views[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkView fails for a view that the device does not allow, and resolves a
// size of 0.
func (r *Recorder) checkView(what string, v *View) error {
	limits := r.device.info.Limits
	if err := r.checkBuffer(what, v.Buffer); err != nil {
		return err
	}
	if v.Size == 0 {
		v.Size = v.Buffer.size - v.Offset
	}
	switch {
	case v.Offset < 0 || v.Size <= 0 || v.Size%4 != 0 || v.Size > v.Buffer.size-v.Offset:
		return fmt.Errorf("vk: %s: bytes %d+%d of buffer %q of %d", what, v.Offset, v.Size, v.Buffer.label, v.Buffer.size)
	case uint64(v.Offset)%limits.StorageAlign != 0:
		return fmt.Errorf("vk: %s: offset %d is no multiple of %d: %w", what, v.Offset, limits.StorageAlign, ErrLimit)
	case uint64(v.Size) > limits.StorageRange:
		return limitError(what, uint64(v.Size), limits.StorageRange, "bytes")
	}
	return nil
}

// checkBuffer fails for a buffer that cannot be used and notes one that can.
func (r *Recorder) checkBuffer(what string, b *Buffer) error {
	switch {
	case b == nil:
		return fmt.Errorf("vk: %s: no buffer", what)
	case b.device != r.device:
		return fmt.Errorf("vk: %s: buffer %q of another device", what, b.label)
	case b.gone():
		return fmt.Errorf("vk: %s: buffer %q is released", what, b.label)
	}
	r.used[b] = struct{}{}
	return nil
}

func (r *Recorder) writeSet(set vulkan.DescriptorSet, p *Pipeline, views []View) {
	n := len(views)
	bindings := make([]uint32, n)
	words := make([]uint64, 3*n)
	buffers, offsets, sizes := words[:n], words[n:2*n], words[2*n:]
	for i, v := range views {
		bindings[i] = p.kernel.Bindings[i].Index
		buffers[i], offsets[i], sizes[i] = raw(v.Buffer.handle), uint64(v.Offset), uint64(v.Size)
	}
	nativeWriteSet(r.device.device, set, bindings, buffers, offsets, sizes)
}
