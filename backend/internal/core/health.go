package core

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/vk"
)

// Health knows whether the device was lost. It is for the goroutine of a cache.
type Health struct{ failed error }

// Lost notes that an error is that of a lost device, and returns it.
func (h *Health) Lost(err error) error {
	if err != nil && h.failed == nil && errors.Is(err, vk.ErrDeviceLost) {
		h.failed = fmt.Errorf("%w: the cache can only be closed", err)
		return h.failed
	}
	return err
}

// Failed is why nothing can be done any more; nil: all is well.
func (h *Health) Failed() error { return h.failed }
