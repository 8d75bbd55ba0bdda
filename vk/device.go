package vk

import (
	"fmt"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"

	"github.com/qaqvk/qaqvk/shaders"
)

// Options say which device to open and how. The zero value opens the best one.
type Options struct {
	Device        string // "" the best, an index of Devices, or part of a name in any case
	Validation    bool   // run the Khronos validation layer, synchronization included
	MinimumLimits bool   // report and enforce only what Vulkan 1.1 guarantees, no optional feature
	CompileOnly   bool   // make pipelines and tell of them (Pipeline.Executables), run nothing: no hardware needed
	PipelineCache string // file that keeps compiled pipelines between runs, "" for none
	MemoryLimit   int64  // bytes of memory to allocate at most, mapped memory included: what is beyond fails with ErrMemoryLimit; 0: none

	// Window is what the device is to present to. One that cannot leaves it to the best
	// that can, whose name Info tells. Such a device has no arithmetic to rely on: it is
	// not probed.
	Window *Window
}

// Device is an open device with one compute queue. Its methods are safe for
// concurrent use, Close excepted: it comes last.
type Device struct {
	calls
	info        Info
	adopted     bool
	compileOnly bool
	memoryLimit uint64 // 0: none
	log         *messageLog
	instance    vulkan.Instance
	surface     uint64 // of the window; 0: none
	physical    *physical
	device      vulkan.Device
	family      uint32
	queue       vulkan.Queue
	queueMu     sync.Mutex // vkQueueSubmit wants the queue for itself
	lockQueue   func()     // of an adopted queue; nil: nobody else uses it meanwhile
	unlockQueue func()

	mu        sync.Mutex // guards all below
	closed    bool
	messenger uint64
	messages  []string
	blocks    [memoryKinds][]*block
	live      [memoryKinds]uint64 // bytes of buffers
	peak      [memoryKinds]uint64 // the most of these
	committed [memoryKinds]uint64
	buffers   map[*Buffer]struct{}
	recorders map[*Recorder]struct{}
	fences    []vulkan.Fence // unsignalled, ready for use

	building   sync.RWMutex // read by who builds a pipeline, which takes long; Close waits
	pipelineMu sync.Mutex   // guards all below
	pipelines  map[pipelineKey]*pipelineEntry
	layouts    map[*shaders.Kernel]*kernelLayout
	cache      pipelineCache
}

// hooks let tests of this package inject failures.
type hooks struct {
	fault func(call string) vulkan.Result       // a result other than Success fails the call
	probe func(operands []uint32, got []uint32) // changes the probe's results
}

func newDevice(h hooks) *Device {
	d := &Device{buffers: map[*Buffer]struct{}{}, recorders: map[*Recorder]struct{}{},
		pipelines: map[pipelineKey]*pipelineEntry{}, layouts: map[*shaders.Kernel]*kernelLayout{}}
	d.fault = h.fault
	return d
}

// Open opens a device and probes its arithmetic. It fails with ErrNoLoader,
// ErrNoDriver, ErrNoCompute, ErrUnknownDevice, ErrNoValidation, or a
// *ProbeError for a device that computes f32 other than the contract needs.
// With Options.CompileOnly nothing is probed, buffers and recorders fail
// with ErrCompileOnly, and a driver that does not tell of its pipelines is
// refused with ErrNoStatistics.
func Open(o Options) (*Device, error) { return open(o, hooks{}) }

func open(o Options, h hooks) (*Device, error) {
	d := newDevice(h)
	if err := d.start(o, h); err != nil {
		d.unwind()
		return nil, err
	}
	return d, nil
}

// unwind releases what a failed Open has made so far.
func (d *Device) unwind() {
	d.cache.changed = false
	_ = d.Close() // the error that led here says more
}

func (d *Device) start(o Options, h hooks) (err error) {
	if o.Validation {
		if d.log, err = newMessageLog(); err != nil {
			return err
		}
	}
	if d.instance, err = d.newInstance(d.log, o.Window.extensions()...); err != nil {
		return err
	}
	if err = d.startMessenger(); err != nil {
		return err
	}
	all, err := d.physicals(d.instance)
	if err != nil {
		return err
	}
	if d.physical, d.family, err = d.pick(all, o); err != nil {
		return err
	}
	if o.CompileOnly && !d.physical.statistics {
		return fmt.Errorf("vk: device %q: %w", d.physical.info.Name, ErrNoStatistics)
	}
	d.compileOnly = o.CompileOnly
	d.device, err = create(&d.calls, LogicalDevices, "vkCreateDevice", d.physical.info.Name, func(h *vulkan.Device) (r vulkan.Result) {
		*h, r = nativeCreateDevice(d.physical.handle, d.family, !o.MinimumLimits && o.Window == nil, d.compileOnly, o.Window != nil)
		return r
	})
	if err != nil {
		return err
	}
	var queue vulkan.Queue
	vulkan.GetDeviceQueue(d.device, d.family, 0, &queue)
	d.queue = queue
	return d.finish(o, h)
}

// pick chooses the device and its queue family.
func (d *Device) pick(all []*physical, o Options) (p *physical, family uint32, err error) {
	if p, err = choose(all, o.Device); err != nil {
		return nil, 0, err
	}
	if o.Window != nil {
		return d.pickPresenting(all, p, o.Window)
	}
	family, err = chooseFamily(p.families)
	return p, family, err
}

// finish is what Open and Adopt have in common once there is a queue.
func (d *Device) finish(o Options, h hooks) error {
	if o.MemoryLimit < 0 {
		return fmt.Errorf("vk: memory limit of %d bytes: must not be negative: %w", o.MemoryLimit, ErrMemoryLimit)
	}
	d.memoryLimit = uint64(o.MemoryLimit)
	d.info = d.physical.info
	d.info.Timestamps = d.physical.families[d.family].timestampBits > 0 && d.physical.period > 0
	if o.MinimumLimits {
		d.info.lower()
	}
	if err := d.loadPipelineCache(o.PipelineCache); err != nil {
		return err
	}
	if d.compileOnly || o.Window != nil {
		return nil // nothing can run, the probe neither; or nothing computes
	}
	subnormals, err := d.probe(h)
	if err != nil {
		return err
	}
	d.info.Subnormals = subnormals
	return nil
}

// Info describes the device, with the limits that are enforced.
func (d *Device) Info() Info { return d.info }

// Limits are those that are enforced.
func (d *Device) Limits() Limits { return d.info.Limits }

// open fails when the device is closed or lost. The caller holds d.mu.
func (d *Device) open(operation string) error {
	if d.closed {
		return fmt.Errorf("vk: %s: device %w", operation, ErrClosed)
	}
	return d.usable(operation)
}

// runs fails like open, and when the device only compiles: drivers without
// hardware crash on commands instead of refusing them. The caller holds d.mu.
func (d *Device) runs(operation string) error {
	if d.compileOnly {
		return fmt.Errorf("vk: %s: device %q %w", operation, d.info.Name, ErrCompileOnly)
	}
	return d.open(operation)
}

// Close waits for what was submitted and destroys all that the device made,
// never what it adopted. It returns an error that names buffers and recorders
// which were not released before, or a pipeline cache that could not be
// written; everything is gone in any case. A second Close does nothing.
func (d *Device) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	clear(d.peak[:])
	err := d.leaks()
	recorders, buffers := d.recorders, d.buffers
	d.mu.Unlock()
	for r := range recorders {
		r.Release()
	}
	for b := range buffers {
		b.Release()
	}
	err = firstError(err, d.savePipelineCache())
	d.destroyPipelines()
	d.destroyFences()
	if !d.adopted && d.device != nil {
		vulkan.DestroyDevice(d.device, nil)
		d.count(LogicalDevices, -1)
	}
	d.stopMessages()
	return err
}

// leaks names one of the objects that the caller should have released.
func (d *Device) leaks() error {
	if n := len(d.buffers); n > 0 {
		for b := range d.buffers {
			return fmt.Errorf("vk: close: %d buffers not released, one is %q", n, b.label)
		}
	}
	if n := len(d.recorders); n > 0 {
		return fmt.Errorf("vk: close: %d recorders not released", n)
	}
	return nil
}
