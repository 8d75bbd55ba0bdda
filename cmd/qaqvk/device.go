package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/pipelines"
)

// deviceFlags choose the device of a command.
type deviceFlags struct {
	name       string
	limits     choice
	validation bool
}

func (f *deviceFlags) register(c *cobra.Command) {
	f.limits = choice{value: "device", of: []string{"device", "minimum"}}
	c.Flags().StringVar(&f.name, "device", "", `device: an index or part of a name of "qaqvk devices", "cpu" for the reference, "both:NAME" for both with every buffer compared (default: the best Vulkan device)`)
	c.Flags().Var(&f.limits, "limits", `"device", or "minimum" to keep to what every Vulkan 1.1 device has`)
	c.Flags().BoolVar(&f.validation, "validation", false, "run under the Vulkan validation layers; a message of theirs is an error")
}

// use opens the device for do and closes it afterwards, whatever happened.
func (f *deviceFlags) use(do func(device.Device) error) error {
	d, err := device.Open(f.name, device.Options{
		Validation: f.validation, MinimumLimits: f.limits.value == "minimum", PipelineCache: pipelines.CacheFile(),
	})
	if err != nil {
		return err
	}
	err = do(d)
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}

// choice is a flag with a fixed set of values.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "name" }

// Set accepts the values of the set only.
func (c *choice) Set(v string) error {
	for _, o := range c.of {
		if o == v {
			c.value = v
			return nil
		}
	}
	return fmt.Errorf("must be one of %v", c.of)
}

// errFailed tells that checks failed whose lines are printed already.
func errFailed(failed, all int, what string) error {
	if failed == 0 {
		return nil
	}
	return errors.New(fmt.Sprint(failed, " of ", all, " ", what, " failed"))
}
