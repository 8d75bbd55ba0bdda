package vk

import (
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

// Handles are a caller's own Vulkan objects, as the values of the C handles.
// The instance speaks Vulkan 1.1.
type Handles struct {
	Instance       uintptr // VkInstance
	PhysicalDevice uintptr // VkPhysicalDevice
	Device         uintptr // VkDevice
	Queue          uintptr // VkQueue of QueueFamily, with compute
	QueueFamily    uint32
	FloatControls  bool // VK_KHR_shader_float_controls is enabled in Device, or Vulkan 1.2 has it

	// GetInstanceProcAddr is vkGetInstanceProcAddr of the loader, or of the driver, that
	// the objects come from; 0: the system's loader. A process uses one: the first
	// Open or Adopt that succeeds in finding one decides, and others fail with ErrOtherLoader.
	GetInstanceProcAddr uintptr

	// Lock and Unlock are called around each use of Queue, from any goroutine; nil:
	// the caller keeps away from it as Adopt says.
	Lock, Unlock func()
}

// Adopt makes a Device of objects that the caller owns. They are never
// destroyed here and must outlive the Device. Vulkan wants a queue to be used by
// one thread at a time: without Handles.Lock the caller does not use Queue during
// Adopt, which probes the arithmetic, nor during Submit. No optional feature is assumed but
// the one that Handles names.
// Options.Device is not used; Options.Validation needs VK_EXT_debug_utils in
// the caller's instance. Errors are those of Open.
func Adopt(h Handles, o Options) (*Device, error) { return adopt(h, o, hooks{}) }

func adopt(h Handles, o Options, k hooks) (*Device, error) {
	d := newDevice(k)
	d.adopted = true
	if err := d.startAdopted(h, o, k); err != nil {
		d.unwind()
		return nil, err
	}
	return d, nil
}

func (d *Device) startAdopted(h Handles, o Options, k hooks) (err error) {
	if h.Instance == 0 || h.PhysicalDevice == 0 || h.Device == 0 || h.Queue == 0 {
		return fmt.Errorf("vk: adopt: a handle is 0")
	}
	if o.CompileOnly {
		return fmt.Errorf("vk: adopt: compiling only needs a device of its own: %w", ErrNoStatistics)
	}
	if (h.Lock == nil) != (h.Unlock == nil) {
		return fmt.Errorf("vk: adopt: one of Lock and Unlock: both or none")
	}
	if err := loadLoader(h.GetInstanceProcAddr); err != nil {
		return err
	}
	d.instance = handle[vulkan.Instance](uint64(h.Instance))
	if err := initLoader(d.instance); err != nil {
		return err
	}
	d.device = handle[vulkan.Device](uint64(h.Device))
	d.queue = handle[vulkan.Queue](uint64(h.Queue))
	d.family, d.lockQueue, d.unlockQueue = h.QueueFamily, h.Lock, h.Unlock
	d.physical = nativePhysical(handle[vulkan.PhysicalDevice](uint64(h.PhysicalDevice)), 0)
	if d.physical.version < version11 {
		return fmt.Errorf("vk: adopt: device speaks Vulkan %s, need 1.1: %w", d.physical.info.APIVersion, ErrNoDriver)
	}
	if n := len(d.physical.families); int(d.family) >= n {
		return fmt.Errorf("vk: adopt: queue family %d of %d", d.family, n)
	}
	if !d.physical.families[d.family].compute {
		return fmt.Errorf("vk: adopt: queue family %d: %w", d.family, ErrNoCompute)
	}
	d.physical.info.Features = Features{} // what the caller enabled is not known
	if !h.FloatControls {
		d.physical.info.FloatModes = FloatModes{}
	}
	if o.Validation {
		if d.log, err = newMessageLog(); err != nil {
			return err
		}
		if err = d.startMessenger(); err != nil {
			return err
		}
	}
	return d.finish(o, k)
}
