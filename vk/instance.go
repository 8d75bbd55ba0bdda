package vk

import (
	"fmt"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

const (
	validationLayer = "VK_LAYER_KHRONOS_validation"
	version11       = 1<<22 | 1<<12
)

// loaderNames are tried in order; a variable so that tests can take the loader away.
var loaderNames = []string{"libvulkan.so.1", "libvulkan.so"}

// loader is the process's Vulkan loader; its entry points serve every instance.
var loader struct {
	sync.Mutex
	loaded, ready bool
}

// loadLoader makes the functions that need no instance callable, by way of a caller's
// vkGetInstanceProcAddr; 0: of the system's loader.
func loadLoader(entry uintptr) error {
	loader.Lock()
	defer loader.Unlock()
	if entry != 0 {
		if loader.loaded && uintptr(nativeEntry()) != entry {
			return fmt.Errorf("vk: vkGetInstanceProcAddr at %#x: %w", entry, ErrOtherLoader)
		}
		nativeUse(entry)
		loader.loaded = true
		return nil
	}
	for _, name := range loaderNames {
		loader.loaded = loader.loaded || nativeLoad(name)
	}
	if !loader.loaded {
		return fmt.Errorf("vk: %s: %w", loaderNames[0], ErrNoLoader)
	}
	return nil
}

// initLoader makes all functions callable, by way of any living instance.
func initLoader(instance vulkan.Instance) error {
	loader.Lock()
	defer loader.Unlock()
	if loader.ready {
		return nil
	}
	vulkan.SetGetInstanceProcAddr(nativeEntry())
	if err := vulkan.Init(); err != nil {
		return fmt.Errorf("vk: loader: %w", err)
	}
	if err := vulkan.InitInstance(instance); err != nil {
		return fmt.Errorf("vk: loader: %w", err)
	}
	nativeInit(instance)
	loader.ready = true
	return nil
}

// newInstance creates an instance with extensions, and with the validation layer if log
// is given.
func (c *calls) newInstance(log *messageLog, extensions ...string) (vulkan.Instance, error) {
	if err := loadLoader(0); err != nil {
		return nil, err
	}
	if v := nativeInstanceVersion(); v < version11 {
		return nil, fmt.Errorf("vk: loader speaks Vulkan %s, need 1.1: %w", versionName(v), ErrNoLoader)
	}
	layer := ""
	if log != nil {
		layer = validationLayer
		if !nativeHasLayer(layer) {
			return nil, fmt.Errorf("vk: %s: %w", layer, ErrNoValidation)
		}
	}
	instance, err := create(c, Instances, "vkCreateInstance", layer, func(i *vulkan.Instance) (r vulkan.Result) {
		*i, r = nativeCreateInstance(layer, log, extensions)
		return r
	})
	if err != nil {
		return nil, err
	}
	return instance, initLoader(instance)
}

func (c *calls) destroyInstance(instance vulkan.Instance) {
	vulkan.DestroyInstance(instance, nil)
	c.count(Instances, -1)
}

// physicals lists the devices of an instance that speak Vulkan 1.1.
func (c *calls) physicals(instance vulkan.Instance) ([]*physical, error) {
	var count uint32
	err := c.do("vkEnumeratePhysicalDevices", "", func() vulkan.Result {
		return vulkan.EnumeratePhysicalDevices(instance, &count, nil)
	})
	if err != nil {
		return nil, err
	}
	handles := make([]vulkan.PhysicalDevice, count)
	if count > 0 {
		err = c.do("vkEnumeratePhysicalDevices", "", func() vulkan.Result {
			return vulkan.EnumeratePhysicalDevices(instance, &count, handles)
		})
	}
	if err != nil {
		return nil, err
	}
	var all []*physical
	for _, h := range handles[:count] {
		if p := nativePhysical(h, len(all)); p.version >= version11 {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("vk: %d devices, none with Vulkan 1.1: %w", count, ErrNoDriver)
	}
	return all, nil
}
