package vk

import (
	"errors"
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

// What callers can act on; errors of this package wrap one where it applies.
var (
	ErrNoLoader          = errors.New("no Vulkan loader")
	ErrOtherLoader       = errors.New("another Vulkan loader than the one this process uses")
	ErrNoDriver          = errors.New("no Vulkan driver")
	ErrNoCompute         = errors.New("no device with a compute queue")
	ErrUnknownDevice     = errors.New("unknown device")
	ErrNoValidation      = errors.New("validation layer not available")
	ErrOutOfDeviceMemory = errors.New("out of device memory")
	ErrOutOfHostMemory   = errors.New("out of host memory")
	ErrDeviceLost        = errors.New("device lost")
	ErrLimit             = errors.New("over the device limit")
	ErrMemoryLimit       = errors.New("over the limit of memory")
	ErrNoTimestamps      = errors.New("device has no timestamps")
	ErrCompileOnly       = errors.New("opened for compiling only")
	ErrNoStatistics      = errors.New("no statistics of pipelines")
	ErrNoPresent         = errors.New("no device can present to the window")
	ErrSurfaceLost       = errors.New("window lost")
	ErrOutOfDate         = errors.New("swapchain out of date")
	ErrClosed            = errors.New("closed")
)

// ResultError is a VkResult that is no success. It wraps the error above that it
// stands for, where there is one.
type ResultError struct {
	Result int32
	err    error
}

func (e *ResultError) Error() string { return e.err.Error() }
func (e *ResultError) Unwrap() error { return e.err }

// resultError is the error of a VkResult that is no success.
func resultError(r vulkan.Result) error { return &ResultError{int32(r), meaning(r)} }

func meaning(r vulkan.Result) error {
	switch r {
	case vulkan.ErrorOutOfDeviceMemory:
		return ErrOutOfDeviceMemory
	case vulkan.ErrorOutOfHostMemory:
		return ErrOutOfHostMemory
	case vulkan.ErrorDeviceLost:
		return ErrDeviceLost
	case vulkan.ErrorIncompatibleDriver:
		return ErrNoDriver
	case vulkan.ErrorSurfaceLost:
		return ErrSurfaceLost
	case vulkan.ErrorOutOfDate, vulkan.Suboptimal:
		return ErrOutOfDate
	case vulkan.ErrorLayerNotPresent:
		return ErrNoValidation
	}
	if name, ok := resultNames[r]; ok {
		return errors.New(name)
	}
	return fmt.Errorf("VkResult %d", int32(r))
}

var resultNames = map[vulkan.Result]string{
	vulkan.NotReady:                  "not ready",
	vulkan.Timeout:                   "timeout",
	vulkan.ErrorInitializationFailed: "initialization failed",
	vulkan.ErrorMemoryMapFailed:      "memory map failed",
	vulkan.ErrorExtensionNotPresent:  "extension not present",
	vulkan.ErrorFeatureNotPresent:    "feature not present",
	vulkan.ErrorTooManyObjects:       "too many objects",
	vulkan.ErrorFragmentedPool:       "fragmented pool",
}

// limitError says that what needs value units where the device allows limit.
func limitError(what string, value, limit uint64, unit string) error {
	return fmt.Errorf("vk: %s: %d %s, limit %d: %w", what, value, unit, limit, ErrLimit)
}

// amount is a size in bytes for a reader.
func amount(bytes uint64) string {
	switch {
	case bytes >= 1<<20 && bytes%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", bytes>>20)
	case bytes >= 1<<10 && bytes%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
