package capi

import (
	"fmt"
	"math"
	"sync"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/vk"
)

// Levels of messages.
const (
	LogError = iota + 1
	LogWarning
	LogInfo
	LogDebug
)

// Log is told of what happens.
var Log = func(level int, message string) {}

func logf(level int, format string, args ...any) { Log(level, fmt.Sprintf(format, args...)) }

// openDevice is a device with what was made of it.
type openDevice struct {
	device.Device
	shared bool // its queue may be used at any time
	vulkan bool

	mu     sync.Mutex // of what follows
	closed bool
	users  int // caches and buffers
}

func (*openDevice) kind() string { return "device" }

// use counts a cache or buffer that make makes.
func (d *openDevice) use(made func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("capi: device %s: %w", d.Name(), vk.ErrClosed)
	}
	err := made()
	if err == nil {
		d.users++
	}
	return err
}

func (d *openDevice) unuse() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users--
}

// OpenDevice opens a device by name.
func OpenDevice(name string, o device.Options) (Handle, error) {
	d, err := device.Open(name, o)
	if err != nil {
		return 0, err
	}
	return enterDevice(d, true), nil
}

// AdoptDevice adopts a caller's.
func AdoptDevice(h vk.Handles, o device.Options) (Handle, error) {
	if o.Validation {
		return 0, fmt.Errorf("capi: adopt: validation is the caller's: %w", ErrArgument)
	}
	d, err := device.Adopt(h, o)
	if err != nil {
		return 0, err
	}
	return enterDevice(d, h.Lock != nil), nil
}

func enterDevice(d device.Device, shared bool) Handle {
	logf(LogInfo, "opened %s, %s", d.Name(), d.Driver())
	return enter(&openDevice{Device: d, shared: shared, vulkan: device.IsVulkan(d)})
}

// DeviceInfo describes a device.
type DeviceInfo struct {
	Vulkan       bool
	Name, Driver string
	device.Stats
}

// InfoOf describes a device.
func InfoOf(h Handle) (DeviceInfo, error) {
	d, err := find[*openDevice](h)
	if err != nil {
		return DeviceInfo{}, err
	}
	return DeviceInfo{d.vulkan, d.Name(), d.Driver(), d.Stats()}, nil
}

// CloseDevice closes a device that nothing uses.
func CloseDevice(h Handle) error {
	d, err := find[*openDevice](h)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users > 0 {
		return fmt.Errorf("capi: close of device %s: %d caches and buffers of it are open: %w", d.Name(), d.users, ErrInUse)
	}
	if d.closed {
		return fmt.Errorf("capi: device %s: %w", d.Name(), vk.ErrClosed)
	}
	d.closed = true
	forget(h)
	logf(LogInfo, "closed %s", d.Name())
	return d.Close()
}

// openBuffer is a buffer of the caller.
type openBuffer struct {
	of     *openDevice
	buffer device.Buffer
}

func (*openBuffer) kind() string { return "buffer" }

// ImportBuffer makes a caller's buffer one of a device.
func ImportBuffer(of Handle, vkBuffer, size uint64) (Handle, error) {
	d, err := find[*openDevice](of)
	if err != nil {
		return 0, err
	}
	if vkBuffer == 0 || size == 0 || size%4 != 0 || size > math.MaxInt64 {
		return 0, fmt.Errorf("capi: import of buffer %#x of %d bytes: must be no 0, and a positive multiple of 4: %w", vkBuffer, size, ErrArgument)
	}
	b := &openBuffer{of: d}
	err = d.use(func() (err error) {
		b.buffer, err = device.Import(d.Device, fmt.Sprintf("imported %#x", vkBuffer), vkBuffer, int(size/4))
		return err
	})
	if err != nil {
		return 0, err
	}
	return enter(b), nil
}

// ReleaseBuffer forgets a buffer.
func ReleaseBuffer(h Handle) error {
	b, err := take[*openBuffer](h)
	if err != nil {
		return err
	}
	b.buffer.Release()
	b.of.unuse()
	return nil
}
