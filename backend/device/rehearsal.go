package device

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/vk"
)

// Rehearsal is a device whose lists run nothing: they have d, if it is one of Open or Adopt that
// runs on Vulkan, make the pipelines that they would use there, and compile them where its driver
// does so when a kernel first runs. Its buffers are words of the host, which stay as the host
// wrote them. Close leaves d open.
func Rehearsal(d Device) (Device, error) {
	r := &rehearsal{cpuDevice: newCPUDevice(Options{}), of: d}
	switch d := d.(type) {
	case *vkDevice:
		r.maker = d
	case *bothDevice:
		r.maker, _ = d.test.(*vkDevice)
	}
	if r.maker == nil {
		return r, nil
	}
	var err error
	r.views, err = r.maker.vk.NewBuffer("rehearsal", int64(4*r.maker.Limits().ViewAlign), vk.Upload)
	return r, err
}

// rehearsal has the buffers of a cpuDevice.
type rehearsal struct {
	*cpuDevice
	of    Device
	maker *vkDevice  // nil: of has no pipelines
	views *vk.Buffer // of kernels
}

func (r *rehearsal) Name() string   { return r.of.Name() }
func (r *rehearsal) Driver() string { return r.of.Driver() }
func (r *rehearsal) Limits() Limits { return r.of.Limits() }

func (r *rehearsal) Submit(l *List) (Ticket, error) {
	if l.err != nil {
		return nil, l.err
	}
	if r.maker == nil {
		return &cpuTicket{}, nil
	}
	return &cpuTicket{}, r.prepare(l)
}

// prepare makes the pipelines that a list is the first to use, and has each compiled.
func (r *rehearsal) prepare(l *List) error {
	first, err := r.maker.build(l)
	if err != nil || len(first) == 0 {
		return err
	}
	recorder, err := r.maker.vk.NewRecorder()
	if err != nil {
		return err
	}
	defer recorder.Release()
	for _, d := range first {
		p, err := r.maker.vk.NewPipeline(d.Kernel, d.Spec)
		if err != nil {
			return fmt.Errorf("device: rehearsal: %s: %w", d.Kernel.Name, err)
		}
		recorder.Prepare(p, r.views)
		recorder.Barrier(vk.ComputeToCompute) // the same views
	}
	if err := recorder.End(); err != nil {
		return err
	}
	fence, err := r.maker.vk.Submit(recorder)
	if err != nil {
		return err
	}
	return fence.Wait(context.Background())
}

// Close frees what the rehearsal has.
func (r *rehearsal) Close() error {
	if r.views != nil {
		r.views.Release()
	}
	return r.cpuDevice.Close()
}
