// Package kvhost makes the caches of a llama.cpp process as its environment says, on one
// device, with the profile of its model where there is one.
package kvhost

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Settings are what the environment says. docs/embedding.md describes the variables.
type Settings struct {
	Device     string  // QAQVK_DEVICE, as of device.Open
	Policy     string  // QAQVK_POLICY: none, qaq, calibrated; "": calibrated where there is a profile, else qaq
	Profile    string  // QAQVK_PROFILE: file of the model's profile
	Model      string  // QAQVK_MODEL: GGUF file of the model
	Bits       float64 // QAQVK_BITS: stored bits an element that calibrated aims at; 0: the profile's
	Budget     int64   // QAQVK_BUDGET: live bytes that calibrated keeps to, given in MiB; 0: no bound
	HostBudget int64   // QAQVK_HOST_BUDGET: bytes of full-precision rows in host memory, given in MiB
	Stats      string  // QAQVK_STATS: file for statistics
	Calibrate  string  // QAQVK_CALIBRATE: file for a profile that the run is recorded for; Policy is none then
}

// Policies that QAQVK_POLICY names.
const (
	None       = "none"
	QAQ        = "qaq"
	Calibrated = "calibrated"
)

// ErrSettings is wrapped by errors about a variable.
var ErrSettings = errors.New("the value is none that it takes")

const (
	mib               = 1 << 20
	defaultHostBudget = 1024 * mib
	mostMiB           = 1 << 30
	mostBits          = 16
)

// ReadSettings reads the variables by a function as os.LookupEnv.
func ReadSettings(lookup func(name string) (string, bool)) (Settings, error) {
	s := Settings{HostBudget: defaultHostBudget}
	text := func(name string) string { v, _ := lookup(name); return strings.TrimSpace(v) }
	s.Device, s.Policy, s.Profile = text("QAQVK_DEVICE"), text("QAQVK_POLICY"), text("QAQVK_PROFILE")
	s.Model, s.Stats = text("QAQVK_MODEL"), text("QAQVK_STATS")
	if all := []string{"", None, QAQ, Calibrated}; !slices.Contains(all, s.Policy) {
		return s, fmt.Errorf("QAQVK_POLICY=%s: must be none, qaq or calibrated: %w", s.Policy, ErrSettings)
	}
	var err error
	if s.Bits, err = number("QAQVK_BITS", text("QAQVK_BITS"), 0, mostBits); err != nil {
		return s, err
	}
	if s.Budget, err = mebibytes("QAQVK_BUDGET", text("QAQVK_BUDGET"), 0); err != nil {
		return s, err
	}
	s.HostBudget, err = mebibytes("QAQVK_HOST_BUDGET", text("QAQVK_HOST_BUDGET"), defaultHostBudget)
	if err == nil && (s.Bits > 0 || s.Budget > 0) && (s.Policy == None || s.Policy == QAQ) {
		err = fmt.Errorf("QAQVK_BITS and QAQVK_BUDGET are of QAQVK_POLICY=calibrated, not of %s: %w", s.Policy, ErrSettings)
	}
	if s.Calibrate = text("QAQVK_CALIBRATE"); err == nil && s.Calibrate != "" {
		err = s.record()
	}
	return s, err
}

// record makes the settings those of a run that is recorded.
func (s *Settings) record() error {
	switch {
	case s.Profile != "" || s.Bits > 0 || s.Budget > 0:
		return fmt.Errorf("QAQVK_CALIBRATE makes a profile from rows as they come, and goes with none of QAQVK_PROFILE, QAQVK_BITS, QAQVK_BUDGET: %w", ErrSettings)
	case s.Policy != "" && s.Policy != None:
		return fmt.Errorf("QAQVK_CALIBRATE makes a profile from rows as they come, not from those of QAQVK_POLICY=%s: %w", s.Policy, ErrSettings)
	}
	s.Policy = None
	return nil
}

func mebibytes(name, text string, other int64) (int64, error) {
	if text == "" {
		return other, nil
	}
	x, err := number(name, text, 0, mostMiB)
	return int64(x * mib), err
}

// number reads a number; "" is 0.
func number(name, text string, low, high float64) (float64, error) {
	if text == "" {
		return 0, nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= low && x <= high) {
		return 0, fmt.Errorf("%s=%.40s: must be a number of %g to %g: %w", name, text, low, high, ErrSettings)
	}
	return x, nil
}
