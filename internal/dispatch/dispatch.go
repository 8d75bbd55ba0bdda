// Package dispatch runs one kernel on a device over words in host memory, the
// way cpuref.Run does on the host.
package dispatch

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Run executes one dispatch; buffers are in the order of the kernel's bindings
// and written in place. It copies every buffer there and back, so it is for
// checks, not for speed.
type Run func(k *shaders.Kernel, spec []uint32, push []byte, workgroups uint32, buffers [][]uint32) error

// On returns a Run on the device.
func On(ctx context.Context, d device.Device) Run {
	return func(k *shaders.Kernel, spec []uint32, push []byte, workgroups uint32, buffers [][]uint32) error {
		if len(buffers) != len(k.Bindings) {
			return fmt.Errorf("dispatch: %s: %d buffers, want %d", k.Name, len(buffers), len(k.Bindings))
		}
		r := run{ctx: ctx, device: d}
		defer r.release()
		if err := r.upload(k, buffers); err != nil {
			return fmt.Errorf("dispatch: %s: %w", k.Name, err)
		}
		list := device.NewList(d)
		defer list.Release()
		list.Dispatch(device.Dispatch{Kernel: k, Spec: spec, Push: push, Workgroups: workgroups, Views: r.views})
		if err := device.Run(ctx, d, list); err != nil {
			return fmt.Errorf("dispatch: %s: %w", k.Name, err)
		}
		return r.download(k, buffers)
	}
}

type run struct {
	ctx    context.Context
	device device.Device
	views  []device.View
}

func (r *run) upload(k *shaders.Kernel, buffers [][]uint32) error {
	for i, words := range buffers {
		b, err := r.device.NewBuffer(k.Bindings[i].Name, max(len(words), 1), device.DeviceLocal)
		if err != nil {
			return err
		}
		r.views = append(r.views, device.Whole(b))
		if len(words) == 0 {
			continue
		}
		if err := device.Write(r.ctx, r.device, b, 0, words); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) download(k *shaders.Kernel, buffers [][]uint32) error {
	for i, b := range k.Bindings {
		if b.ReadOnly || len(buffers[i]) == 0 {
			continue
		}
		words, err := device.Read(r.ctx, r.device, r.views[i])
		if err != nil {
			return fmt.Errorf("dispatch: %s: %w", k.Name, err)
		}
		copy(buffers[i], words)
	}
	return nil
}

func (r *run) release() {
	for _, v := range r.views {
		v.Buffer.Release()
	}
}
