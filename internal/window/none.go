//go:build !glfw || !linux || wayland

package window

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/internal/view"
)

// Window is none: Open fails.
type Window struct{}

// Main calls f.
func Main(f func() int) int { return f() }

// Open says how to get windows.
func Open(Options) (*Window, error) {
	return nil, fmt.Errorf("window: built without windows, which need the headers of X11: apt-get install libgl-dev libx11-dev libxrandr-dev libxinerama-dev libxcursor-dev libxi-dev libxxf86vm-dev, then make build: %w", ErrNone)
}

// Presenter is never called.
func (*Window) Presenter() string { return "" }

// Wake is never called.
func (*Window) Wake() {}

// Show is never called.
func (*Window) Show(context.Context, *view.View) error { return ErrNone }

// Close is never called.
func (*Window) Close() error { return nil }
