package core

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// Work is what the parts of a cache share: its sizes, its device, what runs the
// lists of calls, and staging buffers, which are bounded whatever the cache holds.
type Work struct {
	*Geometry
	Health
	Device device.Device
	Limits device.Limits
	Run    *Runner

	Rows    device.Buffer // upload: appended rows; probabilities; rows that come back
	Plan    device.Buffer // upload: plans of the dispatches of a list
	Scratch device.Buffer // device: slots of encode, K in the first half, V in the second; scores of attention
	Out     device.Buffer // download: rows that are read, bits
	Clamped device.Buffer // download: word 0 counts the elements that convert clamped
}

// Pipeline is a kernel for rows of type in, whose output has type out.
func (w *Work) Pipeline(k *shaders.Kernel, in, out uint32) shaders.Pipeline {
	return w.PipelineOf(k, in, shaders.Setting{Out: out})
}

// PipelineOf is a kernel for rows of a type, and what else it depends on.
func (w *Work) PipelineOf(k *shaders.Kernel, in uint32, s shaders.Setting) shaders.Pipeline {
	s.Layout = w.Layout
	s.Layout.Type = in
	return shaders.Specialize(k, w.Limits.Target(), s)
}

// Dispatch records a pipeline for so many items.
func Dispatch(l *device.List, p shaders.Pipeline, push []byte, items int, views ...device.View) {
	l.Dispatch(device.Dispatch{Kernel: p.Kernel, Spec: p.Words(), Push: push, Workgroups: p.Workgroups(items), Views: views})
}

// DispatchJobs records a pipeline that has a workgroup a job.
func DispatchJobs(l *device.List, p shaders.Pipeline, push []byte, jobs int, views ...device.View) {
	l.Dispatch(device.Dispatch{Kernel: p.Kernel, Spec: p.Words(), Push: push, Workgroups: uint32(jobs), Views: views})
}

// PlanRoom is the room for the plans of a list.
func (w *Work) PlanRoom() *Room { return NewRoom(w.Plan, w.Limits.ViewAlign) }

// Wanted is a buffer to be made.
type Wanted struct {
	At     *device.Buffer
	Label  string
	Words  int
	Memory device.Memory
}

// Make makes buffers that kernels see as a whole. On an error those made stay for
// the caller's release.
func (w *Work) Make(list ...Wanted) error {
	for _, b := range list {
		if err := w.CheckView(b.Label, b.Words); err != nil {
			return err
		}
		made, err := w.Device.NewBuffer(b.Label, b.Words, b.Memory)
		if err != nil {
			return fmt.Errorf("backend: new cache: %w", err)
		}
		*b.At = made
	}
	return nil
}

// CheckView refuses buffers that no kernel can see as a whole.
func (w *Work) CheckView(label string, words int) error {
	if limit := w.Limits.ViewWords; words > limit {
		return fmt.Errorf("backend: %s of %d words: the device limits a storage buffer to %d: %w", label, words, limit, policy.ErrConfig)
	}
	return nil
}

// Bytes are the bytes of buffers; nil ones have none.
func Bytes(buffers ...device.Buffer) (n int64) {
	for _, b := range buffers {
		if b != nil {
			n += 4 * int64(b.Len())
		}
	}
	return n
}

// Release frees buffers; nil ones need none.
func Release(buffers ...device.Buffer) {
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
}
