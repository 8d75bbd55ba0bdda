package vk

import (
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

// Executable is a program that the driver made of a pipeline, as the driver
// tells of it.
type Executable struct {
	Name         string
	SubgroupSize uint32 // invocations of a subgroup, 0 if the driver leaves it open
	Statistics   []Statistic
}

// Statistic is a number under the driver's own name.
type Statistic struct {
	Name        string
	Description string
	Value       float64 // 0 or 1 for a truth value
}

// Executables are what the driver made of the pipeline, with its statistics:
// registers, spills, sizes, estimates. The device was opened with
// Options.CompileOnly; it fails with ErrNoStatistics for another.
func (p *Pipeline) Executables() ([]Executable, error) {
	d, what := p.device, "statistics of "+p.kernel.Name
	if !d.compileOnly {
		return nil, fmt.Errorf("vk: %s: device %q is not opened for compiling only: %w", what, d.info.Name, ErrNoStatistics)
	}
	d.mu.Lock()
	err := d.open(what)
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	all, err := twice(&d.calls, "vkGetPipelineExecutablePropertiesKHR", p.kernel.Name, func(out []Executable) (int, vulkan.Result) {
		return nativeExecutables(d.device, p.handle, out)
	})
	for i := range all {
		if err != nil {
			break
		}
		all[i].Statistics, err = twice(&d.calls, "vkGetPipelineExecutableStatisticsKHR", p.kernel.Name, func(out []Statistic) (int, vulkan.Result) {
			return nativeStatistics(d.device, p.handle, i, out)
		})
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// twice makes a call for the number of things and again for the things.
func twice[T any](c *calls, call, what string, f func([]T) (int, vulkan.Result)) ([]T, error) {
	var n int
	fill := func(out []T) error {
		return c.do(call, what, func() (r vulkan.Result) {
			n, r = f(out)
			return r
		})
	}
	if err := fill(nil); err != nil || n == 0 {
		return nil, err
	}
	all := make([]T, n)
	err := fill(all)
	return all[:min(n, len(all))], err
}
