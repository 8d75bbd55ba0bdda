package session

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/profiles"
)

// ErrNoProfile says that calibrated was asked for and no profile ships for the model.
var ErrNoProfile = errors.New("no profile of the model: make one with qaqvk calibrate and name it with --profile")

// LoadProfile returns the profile of a file, or where path is "" the one that ships for
// the model, nil where none does. bits above 0 solves it for so many stored bits an
// element, fixed is for caches whose levels are fixed. It is refused where it was made
// for another model.
func LoadProfile(m *model.Model, path string, bits float64, fixed bool) (p *profile.Profile, err error) {
	fingerprint, err := m.Fingerprint()
	if err != nil {
		return nil, err
	}
	if path == "" {
		p, err = profiles.For(fingerprint)
	} else {
		p, err = profile.Load(path)
	}
	if err != nil || p == nil {
		return nil, err
	}
	shape := policy.Shape{Layers: m.Layers, KVHeads: m.KVHeads, HeadDim: m.HeadDim}
	if err := p.Check(shape, profile.RoPE{Halves: m.Halves, Speeds: m.RopeSpeeds()}, fingerprint); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if bits > 0 {
		if p, err = p.ForBits(bits); err != nil {
			return nil, err
		}
	}
	if fixed {
		return p.Fixed()
	}
	return p, nil
}
