package device

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/qaqvk/qaqvk/vk"
)

// vkDevice runs lists on a Vulkan device.
type vkDevice struct {
	vk         *vk.Device
	validation bool
}

func openVK(name string, o Options) (Device, error) {
	d, err := vk.Open(vk.Options{
		Device: name, Validation: o.Validation,
		MinimumLimits: o.MinimumLimits, PipelineCache: o.PipelineCache, MemoryLimit: o.MemoryLimit,
	})
	if err != nil {
		return nil, err
	}
	return &vkDevice{d, o.Validation}, nil
}

// Adopt runs on a Vulkan device that belongs to a runtime; Close
// destroys only what was made here.
func Adopt(h vk.Handles, o Options) (Device, error) {
	d, err := vk.Adopt(h, vk.Options{MinimumLimits: o.MinimumLimits, PipelineCache: o.PipelineCache, MemoryLimit: o.MemoryLimit})
	if err != nil {
		return nil, err
	}
	return &vkDevice{vk: d}, nil
}

func (d *vkDevice) Name() string { return d.vk.Info().Name }

func (d *vkDevice) Driver() string {
	i := d.vk.Info()
	return strings.TrimSpace(i.Driver + " " + i.DriverInfo)
}

func (d *vkDevice) Limits() Limits {
	l := d.vk.Limits()
	return Limits{
		Workgroups:   l.Workgroups,
		Invocations:  min(l.Invocations, l.WorkgroupSize),
		SharedBytes:  l.SharedBytes,
		PushBytes:    l.PushBytes,
		Bindings:     l.StorageBuffers,
		ViewWords:    int(l.StorageRange / 4),
		ViewAlign:    max(1, int(l.StorageAlign/4)),
		SubgroupSize: d.vk.Info().SubgroupSize,
		CPU:          d.vk.Info().Type == "cpu",
	}
}

var vkMemories = map[Memory]vk.Memory{DeviceLocal: vk.DeviceLocal, Upload: vk.Upload, Download: vk.Download}

func (d *vkDevice) NewBuffer(label string, words int, m Memory) (Buffer, error) {
	if words <= 0 {
		return nil, fmt.Errorf("device: buffer %s of %d words", label, words)
	}
	b, err := d.vk.NewBuffer(label, 4*int64(words), vkMemories[m])
	if err != nil {
		return nil, err
	}
	out := &vkBuffer{device: d, vk: b}
	if bytes := b.Bytes(); bytes != nil && m != DeviceLocal {
		out.words = unsafe.Slice((*uint32)(unsafe.Pointer(&bytes[0])), words)
	}
	return out, nil
}

// Owns tells whether a buffer is one of this device's that are not released.
func (d *vkDevice) Owns(b Buffer) bool {
	c, ok := b.(*vkBuffer)
	return ok && c.device == d && !c.released
}

func (d *vkDevice) Submit(l *List) (Ticket, error) {
	if l.err != nil {
		return nil, l.err
	}
	c, ok := l.compiled.(*vkList)
	if !ok {
		var err error
		if c, err = d.compile(l); err != nil {
			return nil, err
		}
		l.compiled = c
	}
	return c.submit()
}

func (d *vkDevice) Stats() Stats {
	s := d.vk.Stats()
	out := Stats{
		LiveBytes:      int64(s.LiveBytes()),
		PeakBytes:      int64(s.Memory[vk.DeviceLocal].PeakBytes),
		CommittedBytes: int64(s.CommittedBytes()),
		Objects:        map[string]int{},
	}
	for kind, n := range s.Objects {
		out.Objects[kind.String()] = int(n)
	}
	return out
}

// Close also fails when the validation layers had something to say.
func (d *vkDevice) Close() error {
	err := d.vk.Close()
	if messages := d.vk.ValidationMessages(); d.validation && len(messages) > 0 {
		err = errors.Join(err, fmt.Errorf("device: %d validation messages, the first: %s", len(messages), messages[0]))
	}
	return err
}

// vkBuffer is a buffer of a vkDevice.
type vkBuffer struct {
	device *vkDevice
	vk     *vk.Buffer
	words  []uint32 // nil for device memory

	released bool
}

func (b *vkBuffer) Label() string   { return b.vk.Label() }
func (b *vkBuffer) Len() int        { return int(b.vk.Size() / 4) }
func (b *vkBuffer) Words() []uint32 { return b.words }
func (b *vkBuffer) Release() {
	b.words, b.released = nil, true
	b.vk.Release()
}
