//go:build glfw && linux && !wayland

package window

/*
#include "x11.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"github.com/go-gl/glfw/v3.3/glfw"

	"github.com/qaqvk/qaqvk/vk"
)

// Window is an open window. Its methods may be called from any goroutine but that of
// Main.
type Window struct {
	of     *glfw.Window
	device *vk.Device
	chain  *vk.Swapchain
	frames int // presented

	mu   sync.Mutex
	gone bool // Wake has nobody to wake
}

// open tells whether there is a window: GLFW has one display.
var open bool

// Open opens a window. The error wraps ErrNone where there is no display, or no device
// that can present to it.
func Open(o Options) (w *Window, err error) {
	err = onMain(func() error {
		if open {
			return errors.New("window: one is open")
		}
		w, err = create(o)
		return err
	})
	return w, err
}

func create(o Options) (*Window, error) {
	if name := os.Getenv("DISPLAY"); name == "" {
		return nil, fmt.Errorf("window: DISPLAY is not set: %w", ErrNone)
	} else if C.qw_opens() == 0 { // GLFW's binding would log it
		return nil, fmt.Errorf("window: display %s cannot be opened: %w", name, ErrNone)
	}
	if err := glfw.Init(); err != nil {
		return nil, fmt.Errorf("window: %w: %w", err, ErrNone)
	}
	w := &Window{}
	if err := w.build(o); err != nil {
		w.destroy()
		return nil, err
	}
	open = true
	return w, nil
}

// build makes the window and opens a device for it.
func (w *Window) build(o Options) (err error) {
	glfw.WindowHint(glfw.ClientAPI, glfw.NoAPI)
	glfw.WindowHint(glfw.ScaleToMonitor, glfw.True)
	if w.of, err = glfw.CreateWindow(o.Width, o.Height, o.Title, nil, nil); err != nil {
		return fmt.Errorf("window: %w: %w", err, ErrNone)
	}
	C.qw_watch(unsafe.Pointer(glfw.GetX11Display()))
	if w.device, err = vk.Open(vk.Options{Device: o.Device, Validation: o.Validation, Window: &vk.Window{
		Extensions: []string{"VK_KHR_surface", "VK_KHR_xlib_surface"}, Surface: w.surface, Presents: presents}}); err != nil {
		return fmt.Errorf("window: %w: %w", err, ErrNone)
	}
	return nil
}

// presents tells whether a queue family of a device knows windows of X11.
func presents(instance, device uintptr, family uint32) bool {
	return C.qw_presents(glfw.GetVulkanGetInstanceProcAddress(), C.uintptr_t(instance), C.uintptr_t(device), C.uint32_t(family),
		unsafe.Pointer(glfw.GetX11Display())) != 0
}

// surface makes the window's surface.
func (w *Window) surface(instance uintptr) (uint64, error) {
	var surface C.uint64_t
	r := C.qw_surface(glfw.GetVulkanGetInstanceProcAddress(), C.uintptr_t(instance), unsafe.Pointer(glfw.GetX11Display()),
		C.uintptr_t(w.of.GetX11Window()), &surface)
	if r != 0 {
		return 0, fmt.Errorf("vkCreateXlibSurfaceKHR: VkResult %d", int(r))
	}
	return uint64(surface), nil
}

// Presenter names the device that presents.
func (w *Window) Presenter() string { return w.device.Info().Name }

// Wake lets Show look whether there is something new. It may be called at any time, also
// when the window is closed.
func (w *Window) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.gone && C.qw_lost() == 0 {
		glfw.PostEmptyEvent()
	}
}

// Close closes the window and frees all. Show has returned. The error is that of the
// validation layer, if it was asked for and found something.
func (w *Window) Close() error {
	return onMain(func() error {
		err := w.destroy()
		open = false
		return err
	})
}

// destroy frees what there is, on the thread of Main.
func (w *Window) destroy() (err error) {
	w.mu.Lock()
	w.gone = true
	w.mu.Unlock()
	w.chain.Release()
	if w.device != nil {
		err = w.device.Close()
		if messages := w.device.ValidationMessages(); len(messages) > 0 && err == nil {
			err = fmt.Errorf("window: validation: %s", messages[0])
		}
	}
	if C.qw_lost() != 0 { // GLFW would ask a server that is gone
		return err
	}
	if w.of != nil {
		w.of.Destroy()
	}
	glfw.Terminate()
	return err
}
