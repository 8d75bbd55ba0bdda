package vk

import vulkan "github.com/vulkan-go/vulkan"

// startMessenger directs the validation layer's messages to the log, if any.
func (d *Device) startMessenger() error {
	if d.log == nil {
		return nil
	}
	var err error
	d.messenger, err = create(&d.calls, Messengers, "vkCreateDebugUtilsMessengerEXT", "", func(h *uint64) (r vulkan.Result) {
		*h, r = nativeCreateMessenger(d.instance, d.log)
		return r
	})
	return err
}

// stopMessages destroys the messenger and the instance and keeps the messages,
// those about the instance's end included.
func (d *Device) stopMessages() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.messenger != 0 {
		nativeDestroyMessenger(d.instance, d.messenger)
		d.messenger = 0
		d.count(Messengers, -1)
	}
	if d.surface != 0 {
		nativeDestroySurface(d.instance, d.surface)
		d.surface = 0
		d.count(Surfaces, -1)
	}
	if d.instance != nil && !d.adopted {
		d.destroyInstance(d.instance)
	}
	d.instance = nil
	if d.log != nil {
		d.messages = append(d.messages, d.log.take()...)
		d.log.free()
		d.log = nil
	}
}

// ValidationMessages are the warnings and errors of the validation layer since
// the device was opened, also after Close; nil without Options.Validation.
func (d *Device) ValidationMessages() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.log != nil {
		d.messages = append(d.messages, d.log.take()...)
	}
	return append([]string(nil), d.messages...)
}
