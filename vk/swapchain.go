package vk

/*
#include "native.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"time"

	vulkan "github.com/vulkan-go/vulkan"
)

// Swapchain shows pictures of one size in the window of a device. It is for one
// goroutine at a time. A window that changed its size needs another one.
type Swapchain struct {
	device        *Device
	width, height int
	bgra          bool
	pixels        *Buffer
	handle        uint64
	acquired      vulkan.Semaphore
	images        []shownImage
}

// shownImage is an image of a swapchain, with the commands that copy the picture to it.
type shownImage struct {
	copy *Recorder
	done vulkan.Semaphore // the copy is, so it can be shown
}

// acquireWait is how long the window system may take to give an image back.
const acquireWait = time.Second

// NewSwapchain makes a swapchain for pictures of about the given size in pixels: the
// window's own where it has one. It fails with ErrOutOfDate while the window has no
// size, with ErrSurfaceLost when it is gone, and with those of buffers and recorders.
// The last swapchain is to be released before.
func (d *Device) NewSwapchain(width, height int) (*Swapchain, error) {
	if d.surface == 0 {
		return nil, errors.New("vk: swapchain: the device was opened for no window")
	}
	var info C.qvk_surface_info
	err := d.do("vkGetPhysicalDeviceSurfaceCapabilitiesKHR", "", func() vulkan.Result {
		return vulkan.Result(C.qvk_surface_of(C.uint64_t(raw(d.physical.handle)), C.uint64_t(d.surface), &info))
	})
	if err != nil {
		return nil, err
	}
	s := &Swapchain{device: d, width: width, height: height, bgra: info.bgra != 0}
	if uint32(info.width) != vulkan.MaxUint32 {
		s.width, s.height = int(info.width), int(info.height)
	}
	s.width = min(max(s.width, int(info.least_width)), int(info.most_width))
	s.height = min(max(s.height, int(info.least_height)), int(info.most_height))
	if s.width < 1 || s.height < 1 {
		return nil, fmt.Errorf("vk: swapchain of %d x %d: %w", s.width, s.height, ErrOutOfDate)
	}
	if err := s.build(&info); err != nil {
		s.Release()
		return nil, err
	}
	return s, nil
}

// build makes the parts; Release frees those that there are.
func (s *Swapchain) build(info *C.qvk_surface_info) (err error) {
	d := s.device
	if s.pixels, err = d.NewBuffer("picture", int64(4*s.width*s.height), Upload); err != nil {
		return err
	}
	s.handle, err = create(&d.calls, Swapchains, "vkCreateSwapchainKHR", fmt.Sprintf("%d x %d", s.width, s.height), func(h *uint64) vulkan.Result {
		var made C.uint64_t
		r := C.qvk_create_swapchain(C.uint64_t(raw(d.device)), C.uint64_t(d.surface), info, C.uint32_t(s.width), C.uint32_t(s.height), 0, &made)
		*h = uint64(made)
		return vulkan.Result(r)
	})
	if err != nil {
		return err
	}
	if s.acquired, err = d.newSemaphore(); err != nil {
		return err
	}
	count, images := C.uint32_t(C.QVK_MOST_IMAGES), [C.QVK_MOST_IMAGES]C.uint64_t{}
	err = d.do("vkGetSwapchainImagesKHR", "", func() vulkan.Result {
		return vulkan.Result(C.qvk_swapchain_images(C.uint64_t(raw(d.device)), C.uint64_t(s.handle), &count, &images[0]))
	})
	for i := 0; i < int(count) && err == nil; i++ {
		err = s.addImage(uint64(images[i]))
	}
	return err
}

// addImage records the copy to an image.
func (s *Swapchain) addImage(image uint64) (err error) {
	var i shownImage
	if i.done, err = s.device.newSemaphore(); err != nil {
		return err
	}
	if i.copy, err = s.device.NewRecorder(); err == nil {
		C.qvk_copy_to_image(C.uint64_t(raw(i.copy.commands)), C.uint64_t(raw(s.pixels.handle)), C.uint64_t(image), C.uint32_t(s.width), C.uint32_t(s.height))
		err = i.copy.End()
	}
	s.images = append(s.images, i)
	return err
}

func (d *Device) newSemaphore() (vulkan.Semaphore, error) {
	info := vulkan.SemaphoreCreateInfo{SType: vulkan.StructureTypeSemaphoreCreateInfo}
	defer info.Free()
	return create(&d.calls, Semaphores, "vkCreateSemaphore", "", func(h *vulkan.Semaphore) vulkan.Result {
		return vulkan.CreateSemaphore(d.device, &info, nil, h)
	})
}

// Size is the size of pictures in pixels.
func (s *Swapchain) Size() (width, height int) { return s.width, s.height }

// Pixels is the picture: rows from the top, four bytes a pixel, the first of which is
// blue where BGRA says so, else red. It is the caller's but during Present.
func (s *Swapchain) Pixels() []byte { return s.pixels.Bytes() }

// BGRA tells the order of the bytes.
func (s *Swapchain) BGRA() bool { return s.bgra }

// Present shows the picture. Where the window has changed so that the next one needs
// another swapchain, the error wraps ErrOutOfDate, whether this one was shown or not;
// ErrSurfaceLost says that the window is gone.
func (s *Swapchain) Present() error {
	d := s.device
	if err := d.usable("present"); err != nil {
		return err
	}
	var index C.uint32_t
	stale := false
	err := d.do("vkAcquireNextImageKHR", "", func() vulkan.Result {
		r := vulkan.Result(C.qvk_acquire(C.uint64_t(raw(d.device)), C.uint64_t(s.handle), C.uint64_t(acquireWait), C.uint64_t(raw(s.acquired)), &index))
		if stale = r == vulkan.Suboptimal; stale {
			return vulkan.Success
		}
		return r
	})
	if err != nil {
		return err
	}
	if err := s.copyTo(&s.images[index]); err != nil {
		return err
	}
	d.queueMu.Lock()
	err = d.do("vkQueuePresentKHR", "", func() vulkan.Result {
		return vulkan.Result(C.qvk_present(C.uint64_t(raw(d.queue)), C.uint64_t(s.handle), C.uint64_t(raw(s.images[index].done)), index))
	})
	d.queueMu.Unlock()
	if err == nil && stale {
		err = fmt.Errorf("vk: vkAcquireNextImageKHR: %w", ErrOutOfDate)
	}
	return err
}

// copyTo copies the picture to an image and waits until it is there.
func (s *Swapchain) copyTo(i *shownImage) error {
	d := s.device
	fence, err := d.newFence()
	if err != nil {
		return err
	}
	f := &Fence{device: d, handle: fence}
	d.queueMu.Lock()
	err = d.do("vkQueueSubmit", "", func() vulkan.Result {
		return vulkan.Result(C.qvk_submit_frame(C.uint64_t(raw(d.queue)), C.uint64_t(raw(i.copy.commands)), C.uint64_t(raw(s.acquired)), C.uint64_t(raw(i.done)), C.uint64_t(raw(fence))))
	})
	d.queueMu.Unlock()
	if err != nil {
		d.keepFence(fence)
		return err
	}
	f.drain()
	return d.usable("present")
}

// Release waits for what is being shown and frees all. A second Release does nothing.
func (s *Swapchain) Release() {
	if s == nil || s.device == nil {
		return
	}
	d := s.device
	s.device = nil
	d.queueMu.Lock()
	vulkan.QueueWaitIdle(d.queue)
	d.queueMu.Unlock()
	for _, i := range s.images {
		i.copy.Release()
		d.destroySemaphore(i.done)
	}
	d.destroySemaphore(s.acquired)
	if s.handle != 0 {
		C.qvk_destroy_swapchain(C.uint64_t(raw(d.device)), C.uint64_t(s.handle))
		d.count(Swapchains, -1)
	}
	s.pixels.Release()
}

func (d *Device) destroySemaphore(s vulkan.Semaphore) {
	if raw(s) != 0 {
		vulkan.DestroySemaphore(d.device, s, nil)
		d.count(Semaphores, -1)
	}
}
