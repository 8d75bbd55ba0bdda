// Package profiles has the profiles that ship with the program; `make profile`
// makes them again.
package profiles

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
)

//go:embed SmolLM2-135M-Instruct.safetensors
var smolLM2 []byte

// Has tells whether a profile ships for a model of that shape.
func Has(s policy.Shape) bool {
	p, err := profile.Parse(smolLM2)
	return err == nil && p.Shape == s
}

// For returns the profile of the model with that fingerprint, nil where none ships.
// The error is that of a damaged program.
func For(fingerprint string) (*profile.Profile, error) {
	p, err := profile.Parse(smolLM2)
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	if p.Model != fingerprint {
		return nil, nil
	}
	return p, nil
}

// ErrUnknown says that no profile of that name ships.
var ErrUnknown = errors.New("no profile of that name ships")

// Named returns the profile of a model by the model's name. The error wraps ErrUnknown
// where there is none.
func Named(model string) (*profile.Profile, error) {
	if model != "SmolLM2-135M-Instruct" {
		return nil, fmt.Errorf("profiles: model %q: there is SmolLM2-135M-Instruct: %w", model, ErrUnknown)
	}
	p, err := profile.Parse(smolLM2)
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	return p, nil
}
