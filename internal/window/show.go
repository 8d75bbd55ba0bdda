//go:build glfw && linux && !wayland

package window

/*
#include "x11.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/go-gl/glfw/v3.3/glfw"

	"github.com/qaqvk/qaqvk/internal/view"
	"github.com/qaqvk/qaqvk/vk"
)

// A picture is drawn at most every frame, and the view is asked at least every idle.
const (
	frame = time.Second / 30
	idle  = time.Second / 10
)

// Show shows a view until the window is closed by its user or ctx ends. The error wraps
// ErrLost when the window system went away, and those of the device when that failed.
func (w *Window) Show(ctx context.Context, v *view.View) error {
	return onMain(func() error {
		s := &shown{Window: w, view: v}
		s.listen()
		return s.loop(ctx)
	})
}

// shown is a window while it shows a view, on the thread of Main.
type shown struct {
	*Window
	view    *view.View
	picture *image.RGBA
	redraw  bool // whatever the view says
	closed  bool

	pressed, at image.Point // where the button went down; where the pointer is
	down, drags bool
}

func (s *shown) loop(ctx context.Context) error {
	var last time.Time
	for {
		wait := idle
		if next, ok := s.view.Next(); ok {
			wait = min(wait, next)
		}
		if s.view.Poll() || s.redraw {
			if wait = frame - time.Since(last); wait <= 0 {
				last = time.Now()
				if err := s.draw(); err != nil {
					return err
				}
				wait = frame - time.Since(last)
			}
		}
		glfw.WaitEventsTimeout(max(wait.Seconds(), 1e-4))
		switch {
		case C.qw_lost() != 0:
			return fmt.Errorf("window: %w", ErrLost)
		case ctx.Err() != nil, s.closed, s.of.ShouldClose():
			return nil
		}
	}
}

// draw draws the view and shows it. A swapchain of another size than the window's, or
// one that is out of date, is made anew.
func (s *shown) draw() error {
	for range 3 { // a window may change its size all the time
		width, height := s.of.GetFramebufferSize()
		if width == 0 || height == 0 {
			return nil // hidden
		}
		err := s.fit(width, height)
		if err == nil {
			err = s.present()
		}
		switch {
		case errors.Is(err, vk.ErrOutOfDate):
			s.chain.Release()
			s.chain = nil
		case errors.Is(err, vk.ErrSurfaceLost):
			return fmt.Errorf("window: %w: %w", err, ErrLost)
		case err != nil:
			return fmt.Errorf("window: %w", err)
		default:
			s.redraw = false
			s.frames++
			return nil
		}
	}
	s.redraw = true // later
	return nil
}

// fit makes a swapchain and a picture of the window's size.
func (s *shown) fit(width, height int) (err error) {
	if s.chain != nil {
		if w, h := s.chain.Size(); w == width && h == height {
			return nil
		}
		s.chain.Release()
		s.chain = nil
	}
	if s.chain, err = s.device.NewSwapchain(width, height); err != nil {
		return err
	}
	width, height = s.chain.Size()
	if s.picture == nil || s.picture.Rect.Dx() != width || s.picture.Rect.Dy() != height {
		s.picture = image.NewRGBA(image.Rect(0, 0, width, height))
	}
	return nil
}

// present draws the view and shows it. It is not drawn into mapped memory, which may be
// slow to read.
func (s *shown) present() error {
	scale, _ := s.of.GetContentScale()
	s.view.BlueFirst = s.chain.BGRA()
	if err := s.view.Draw(s.picture, float64(max(scale, 0.5))); err != nil {
		return err
	}
	copy(s.chain.Pixels(), s.picture.Pix)
	return s.chain.Present()
}
