package vk

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Object is a kind of Vulkan object that this package creates and counts.
type Object int

// Kinds of objects.
const (
	Instances Object = iota
	LogicalDevices
	Messengers
	Memories
	Buffers
	ShaderModules
	SetLayouts
	PipelineLayouts
	Pipelines
	PipelineCaches
	DescriptorPools
	DescriptorSets
	CommandPools
	CommandBuffers
	QueryPools
	Fences
	Surfaces
	Swapchains
	Semaphores
	objectKinds
)

var objectNames = [objectKinds]string{"instances", "devices", "messengers", "memories", "buffers",
	"shader modules", "set layouts", "pipeline layouts", "pipelines", "pipeline caches",
	"descriptor pools", "descriptor sets", "command pools", "command buffers", "query pools", "fences",
	"surfaces", "swapchains", "semaphores"}

// String is the plural name of the kind.
func (o Object) String() string {
	if o < 0 || o >= objectKinds {
		return fmt.Sprintf("Object(%d)", int(o))
	}
	return objectNames[o]
}

// calls makes the fallible Vulkan calls: it names them in errors, remembers a
// lost device, counts objects, and lets tests inject failures.
type calls struct {
	objects [objectKinds]atomic.Int64
	lost    atomic.Bool
	fault   func(call string) vulkan.Result // test hook, nil otherwise
}

// do runs a call and turns a failing result into "vk: call what: reason".
func (c *calls) do(call, what string, f func() vulkan.Result) error {
	r := vulkan.Success
	if c.fault != nil {
		r = c.fault(call)
	}
	if r == vulkan.Success {
		r = f()
	}
	if r == vulkan.Success {
		return nil
	}
	if r == vulkan.ErrorDeviceLost {
		c.lost.Store(true)
	}
	if what != "" {
		what = " " + what
	}
	return fmt.Errorf("vk: %s%s: %w", call, what, resultError(r))
}

// usable fails once the device is lost, naming the operation refused.
func (c *calls) usable(operation string) error {
	if c.lost.Load() {
		return fmt.Errorf("vk: %s: %w", operation, ErrDeviceLost)
	}
	return nil
}

func (c *calls) count(o Object, n int64) { c.objects[o].Add(n) }

// pin keeps a slice in place until the returned function is called, as cgo asks
// for Go memory that the binding notes in C memory.
func pin[E any](s []E) (unpin func()) {
	var p runtime.Pinner
	p.Pin(unsafe.SliceData(s))
	return p.Unpin
}

// create makes a counted object. Its handle is a variable of its own while
// Vulkan writes it, because cgo inspects the whole of what a pointer is part of.
func create[H any](c *calls, o Object, call, what string, f func(*H) vulkan.Result) (H, error) {
	var made, none H
	if err := c.do(call, what, func() vulkan.Result { return f(&made) }); err != nil {
		return none, err
	}
	c.count(o, 1)
	return made, nil
}
