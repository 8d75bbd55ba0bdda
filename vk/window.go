package vk

/*
#include "native.h"
*/
import "C"

import (
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

// Window is a window of the system.
type Window struct {
	Extensions []string // of instances, that its system needs
	// Surface makes its VkSurfaceKHR by a VkInstance; the device destroys it.
	Surface func(instance uintptr) (surface uint64, err error)
	// Presents tells whether a queue family of a VkPhysicalDevice knows windows of this
	// system. Drivers crash when they are asked about a surface of a system that they do
	// not know. nil: all do.
	Presents func(instance, device uintptr, family uint32) bool
}

// Headless is a window that is nowhere to be seen, where all drivers have one: it shows
// whether a device presents.
func Headless() *Window {
	return &Window{Extensions: []string{"VK_KHR_surface", "VK_EXT_headless_surface"}, Surface: func(instance uintptr) (uint64, error) {
		var surface C.uint64_t
		if r := vulkan.Result(C.qvk_headless_surface(C.uint64_t(instance), &surface)); r != vulkan.Success {
			return 0, resultError(r)
		}
		return uint64(surface), nil
	}}
}

func (w *Window) extensions() []string {
	if w == nil {
		return nil
	}
	return w.Extensions
}

// pickPresenting makes the surface and returns the wanted device if it can present to
// it, else the best that can.
func (d *Device) pickPresenting(all []*physical, wanted *physical, w *Window) (*physical, uint32, error) {
	C.qvk_init_window(C.uint64_t(raw(d.instance)))
	surface, err := w.Surface(uintptr(raw(d.instance)))
	if err != nil {
		return nil, 0, fmt.Errorf("vk: surface of the window: %w", err)
	}
	d.surface = surface
	d.count(Surfaces, 1)
	best, family := wanted, d.presentingFamily(wanted, w)
	for _, p := range all {
		if f := d.presentingFamily(p, w); f >= 0 && (family < 0 || best != wanted && rank(p) < rank(best)) {
			best, family = p, f
		}
	}
	if family < 0 {
		return nil, 0, fmt.Errorf("vk: device %q: %w", wanted.info.Name, ErrNoPresent)
	}
	return best, uint32(family), nil
}

// presentingFamily is the first queue family that computes, and so copies, and presents
// to the surface; -1: there is none.
func (d *Device) presentingFamily(p *physical, w *Window) int {
	for i, f := range p.families {
		if !p.swapchain || !f.compute || w.Presents != nil && !w.Presents(uintptr(raw(d.instance)), uintptr(raw(p.handle)), uint32(i)) {
			continue
		}
		if C.qvk_can_present(C.uint64_t(raw(p.handle)), C.uint32_t(i), C.uint64_t(d.surface)) != 0 {
			return i
		}
	}
	return -1
}

func nativeDestroySurface(i vulkan.Instance, surface uint64) {
	C.qvk_destroy_surface(C.uint64_t(raw(i)), C.uint64_t(surface))
}
