package policy

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// None stores every row as it came, on the same path as the other policies and
// with no outliers, whatever Config.OutlierFraction says.
type None struct{}

// Name is none.
func (None) Name() string { return "none" }

// Check has nothing to find.
func (None) Check(Shape) error { return nil }

// Rule pins every group to 16 bits.
func (None) Rule(shaders.Kind) Rule {
	return Rule{MinBits: 8, MaxBits: shaders.Raw, Weight: WeightMost, Fixed: true}
}

// Limit is not used: every group is pinned.
func (None) Limit(shaders.Kind, int, int, int) float64 { return 0 }

// Uniform gives every group the same bits, 0..8, whatever its importance.
type Uniform struct {
	KeyBits, ValueBits int
}

// Name is uniform.
func (Uniform) Name() string { return "uniform" }

// Check wants bits from 0 to 8.
func (u Uniform) Check(Shape) error {
	for k, b := range []int{u.KeyBits, u.ValueBits} {
		if b < 0 || b > 8 {
			return fmt.Errorf("policy: uniform: %d bits for %s: must be 0..8: %w", b, shaders.Kind(k), ErrConfig)
		}
	}
	return nil
}

// Rule has one bit width to choose from.
func (u Uniform) Rule(k shaders.Kind) Rule {
	b := u.KeyBits
	if k == shaders.Value {
		b = u.ValueBits
	}
	return Rule{MinBits: b, MaxBits: b, Weight: WeightMost, Fixed: true}
}

// Limit is not used: there is one bit width.
func (Uniform) Limit(shaders.Kind, int, int, int) float64 { return 0 }
