package backend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// pipeline is a kernel for rows of type in, whose output has type out.
func (c *Cache) pipeline(k *shaders.Kernel, in, out Type) shaders.Pipeline {
	return c.pipelineOf(k, in, shaders.Setting{Out: out.shader()})
}

func (c *Cache) pipelineOf(k *shaders.Kernel, in Type, s shaders.Setting) shaders.Pipeline {
	s.Layout = c.geo.layout
	s.Layout.Type = in.shader()
	return shaders.Specialize(k, c.dev.Limits().Target(), s)
}

// dispatch records a pipeline for so many items.
func dispatch(l *device.List, p shaders.Pipeline, push []byte, items int, views ...device.View) {
	l.Dispatch(device.Dispatch{Kernel: p.Kernel, Spec: p.Words(), Push: push, Workgroups: p.Workgroups(items), Views: views})
}

// dispatchJobs records a pipeline that has a workgroup a job.
func dispatchJobs(l *device.List, p shaders.Pipeline, push []byte, jobs int, views ...device.View) {
	l.Dispatch(device.Dispatch{Kernel: p.Kernel, Spec: p.Words(), Push: push, Workgroups: uint32(jobs), Views: views})
}
