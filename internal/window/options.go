package window

import "errors"

// Options say what window to open.
type Options struct {
	Title         string
	Width, Height int    // in units of a pixel at scale 1
	Device        string // that should present, as vk.Options.Device
	Validation    bool   // run the Vulkan validation layers
}

// Errors of windows.
var (
	// ErrNone says that there is no window system, or none that windows can be made for.
	ErrNone = errors.New("no window here; qaqvk run --record FILE writes what it would show, and qaqvk report FILE -o R.html makes a page of it")
	// ErrLost says that the window system went away.
	ErrLost = errors.New("the window system went away")
)
