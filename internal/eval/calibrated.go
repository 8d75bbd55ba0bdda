package eval

import (
	"errors"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/session"
	"github.com/qaqvk/qaqvk/shaders"
)

// calibrated is calibrated and calibrated:B, B stored bits an element aimed at: the
// calibrated codec with the bench's profile.
func calibrated(p *parameters) (Method, error) {
	m := &paged{name: p.name}
	bits := p.number("", 0, 0, shaders.Raw)
	m.window = p.integer("window", 0, 0, 1024)
	fixed := p.integer("fixed", 0, 0, 1) == 1
	m.profile = func(b *Bench) (*profile.Profile, error) {
		p, err := b.calibration(bits)
		if err != nil || !fixed {
			return p, err
		}
		return p.Fixed()
	}
	return m.fixed(policy.Levels{Fixed: fixed}), p.done()
}

// HasProfile tells whether there is a profile of the bench's model.
func (b *Bench) HasProfile() (bool, error) {
	_, err := b.calibration(0)
	if errors.Is(err, session.ErrNoProfile) {
		return false, nil
	}
	return err == nil, err
}

// Calibrated is a method of that name: the calibrated codec with a profile, which is
// not that of the bench, and with its recent window.
func Calibrated(name string, p *profile.Profile) Method {
	m := &paged{name: name, window: p.Importance.Recent}
	m.profile = func(*Bench) (*profile.Profile, error) { return p, nil }
	return m.fixed(policy.Levels{})
}

// calibration is the bench's profile, solved for so many bits where that is not 0.
func (b *Bench) calibration(bits float64) (*profile.Profile, error) {
	if b.profile == nil {
		p, err := session.LoadProfile(b.Model, b.Profile, 0, false)
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, session.ErrNoProfile
		}
		b.profile = p
	}
	if bits == 0 {
		return b.profile, nil
	}
	return b.profile.ForBits(bits)
}

// latePages is a profile for pages of one token, whose mean turns with each.
func latePages(p *profile.Profile) *profile.Profile {
	if p == nil {
		return nil
	}
	late := *p
	late.PageTokens = 1
	return &late
}
