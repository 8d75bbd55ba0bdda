package vk

import (
	"fmt"
	"strconv"
	"strings"
)

// Devices lists what the installed drivers offer, in the order of their
// indices. It fails with ErrNoLoader or ErrNoDriver where there is nothing.
func Devices() ([]Info, error) {
	c := &calls{}
	instance, err := c.newInstance(nil)
	if err != nil {
		return nil, err
	}
	defer c.destroyInstance(instance)
	all, err := c.physicals(instance)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, len(all))
	for i, p := range all {
		infos[i] = p.info
	}
	return infos, nil
}

// choose finds the device of Options.Device: "" is the best with a compute
// queue, a number is an index, anything else a part of a name in any case.
func choose(all []*physical, wanted string) (*physical, error) {
	if i, err := strconv.Atoi(wanted); err == nil && i >= 0 && i < len(all) {
		return withCompute(all[i])
	}
	var best *physical
	matches := 0
	for _, p := range all {
		if !strings.Contains(strings.ToLower(p.info.Name), strings.ToLower(wanted)) {
			continue
		}
		matches++
		if p.info.Compute && (best == nil || rank(p) < rank(best)) {
			best = p
		}
	}
	switch {
	case best != nil:
		return best, nil
	case matches > 0:
		return nil, fmt.Errorf("vk: device %q: %w", wanted, ErrNoCompute)
	}
	return nil, fmt.Errorf("vk: device %q: %w; there are: %s", wanted, ErrUnknownDevice, list(all))
}

func withCompute(p *physical) (*physical, error) {
	if !p.info.Compute {
		return nil, fmt.Errorf("vk: device %q: %w", p.info.Name, ErrNoCompute)
	}
	return p, nil
}

// rank orders device types, best first.
func rank(p *physical) int {
	order := []string{"discrete", "integrated", "virtual", "cpu"}
	for i, name := range order {
		if p.info.Type == name {
			return i
		}
	}
	return len(order)
}

func list(all []*physical) string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = fmt.Sprintf("%d %q", i, p.info.Name)
	}
	return strings.Join(names, ", ")
}

// chooseFamily prefers the first compute family with timestamps.
func chooseFamily(families []queueFamily) (uint32, error) {
	first := -1
	for i, f := range families {
		switch {
		case f.compute && f.timestampBits > 0:
			return uint32(i), nil
		case f.compute && first < 0:
			first = i
		}
	}
	if first < 0 {
		return 0, ErrNoCompute
	}
	return uint32(first), nil
}
