package capi

import (
	"cmp"
	"fmt"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/profiles"
)

// When chosen bits take effect.
const (
	AdaptDefault = iota
	AdaptSynchronous
	AdaptAsynchronous
)

// Config is a configuration as C gives it.
type Config struct {
	backend.Config
	Adaptation uint32
	Profile    Handle
	Bits       float64 // with a profile; 0: its own
	Policy     Policy
}

// Policy is a policy by name, and what of it is not the default.
type Policy struct {
	Name                    string
	KeyError, ValueError    float64
	MinBits, MaxBits        int
	Formula                 uint32
	KeyBits, ValueBits      int
	Tokens, Recent, History int
	Recall                  bool
	QueryNorms              [][]float64
}

// config is the configuration of a cache on a device.
func (c Config) config(d *openDevice) (backend.Config, error) {
	out := c.Config
	switch c.Adaptation {
	case AdaptDefault:
		out.Synchronous = !d.shared
	case AdaptSynchronous:
		out.Synchronous = true
	case AdaptAsynchronous:
		if !d.shared {
			return out, fmt.Errorf("capi: asynchronous adaptation on a device that was adopted without lock and unlock: %w", backend.ErrConfig)
		}
	default:
		return out, fmt.Errorf("capi: adaptation %d: must be 0..2: %w", c.Adaptation, backend.ErrConfig)
	}
	if c.Profile != 0 {
		p, err := find[*openProfile](c.Profile)
		if err != nil {
			return out, err
		}
		if out.Profile, err = p.forBits(c.Bits); err != nil {
			return out, err
		}
	}
	var err error
	out.Policy, err = c.Policy.policy()
	return out, err
}

// policy makes the policy.
func (p Policy) policy() (policy.Policy, error) {
	switch p.Name {
	case "":
		return nil, nil // the default
	case "none":
		return policy.None{}, nil
	case "uniform":
		return policy.Uniform{KeyBits: cmp.Or(p.KeyBits, 4), ValueBits: cmp.Or(p.ValueBits, 4)}, nil
	case "qaq":
		return policy.QAQ{Formula: policy.Formula(min(p.Formula, 255)), KeyError: cmp.Or(p.KeyError, 0.005), ValueError: cmp.Or(p.ValueError, 0.002),
			MinBits: p.MinBits, MaxBits: cmp.Or(p.MaxBits, 8), QueryNorms: p.QueryNorms}, nil
	case "h2o":
		return policy.H2O{Budget: cmp.Or(p.Tokens, 256), Recall: p.Recall}, nil
	case "scissorhands":
		budget := cmp.Or(p.Tokens, 256)
		return policy.Scissorhands{Budget: budget, Recent: cmp.Or(p.Recent, min(10, budget)), History: cmp.Or(p.History, 31), Recall: p.Recall}, nil
	case "levels", "fixed":
		return policy.Levels{Fixed: p.Name == "fixed"}, nil
	}
	return nil, fmt.Errorf("capi: policy %q: must be none, uniform, qaq, h2o, scissorhands, levels or fixed: %w", p.Name, backend.ErrConfig)
}

// openProfile is a profile.
type openProfile struct{ profile *profile.Profile }

func (*openProfile) kind() string { return "profile" }

// forBits is the profile for so many stored bits an element; 0: its own.
func (p *openProfile) forBits(bits float64) (*profile.Profile, error) {
	if bits == 0 {
		return p.profile, nil
	}
	return p.profile.ForBits(bits)
}

// LoadProfile reads a file.
func LoadProfile(path string) (Handle, error) {
	p, err := profile.Load(path)
	if err != nil {
		return 0, err
	}
	return enter(&openProfile{p}), nil
}

// ShippedProfile is the one of a model by name.
func ShippedProfile(model string) (Handle, error) {
	p, err := profiles.Named(model)
	if err != nil {
		return 0, err
	}
	return enter(&openProfile{p}), nil
}

// ProfileOf is a profile.
func ProfileOf(h Handle) (*profile.Profile, error) {
	p, err := find[*openProfile](h)
	if err != nil {
		return nil, err
	}
	return p.profile, nil
}

// CloseProfile frees a profile.
func CloseProfile(h Handle) error {
	_, err := take[*openProfile](h)
	return err
}
