package profile

import (
	"fmt"
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// Limits of a shape, far beyond any model's.
const (
	maxLayers  = 1 << 16
	maxHeads   = 1 << 12
	maxHeadDim = 1 << 10
	maxTokens  = 1 << 24
)

// Check tells whether the profile is for a model of that shape and RoPE, and, where
// the fingerprint is not empty, for that model. Errors wrap ErrShape or ErrModel.
func (p *Profile) Check(shape policy.Shape, rope RoPE, fingerprint string) error {
	switch {
	case fingerprint != "" && fingerprint != p.Model:
		return fmt.Errorf("profile: made for the model %.12s…, this one is %.12s…: %w", p.Model, fingerprint, ErrModel)
	case shape != p.Shape:
		return fmt.Errorf("profile: %s, the model has %s: %w", describe(p.Shape), describe(shape), ErrShape)
	case !rope.Equal(p.RoPE):
		return fmt.Errorf("profile: positions turn keys in another way than the model's: %w", ErrShape)
	}
	return nil
}

func describe(s policy.Shape) string {
	return fmt.Sprintf("%d layers, %d KV heads of %d elements", s.Layers, s.KVHeads, s.HeadDim)
}

// Validate checks lengths and values; errors wrap ErrFormat.
func (p *Profile) Validate() error {
	for _, check := range []func() error{p.checkShape, p.checkArrays, p.checkLambda, p.Codebook.check, p.checkNumbers, p.checkUse} {
		if err := check(); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	return nil
}

func (p *Profile) checkShape() error {
	s := p.Shape
	if !within(s.Layers, 1, maxLayers) || !within(s.KVHeads, 1, maxHeads) || !within(s.HeadDim, 1, maxHeadDim) {
		return fmt.Errorf("%s, at most %d, %d and %d: %w", describe(s), maxLayers, maxHeads, maxHeadDim, ErrFormat)
	}
	return p.RoPE.check(s.HeadDim)
}

func (p *Profile) checkArrays() error {
	vectors := 2 * p.Shape.Layers * p.Shape.KVHeads * p.Shape.HeadDim
	for _, a := range []struct {
		name string
		data []float32
		want int
	}{
		{nameMean, p.Mean, vectors}, {nameLambda, p.Lambda, vectors},
		{nameThresholds, p.Codebook.Thresholds, 1<<CodeBits - 1},
		{nameUse, p.Use, p.Shape.Layers * (Levels + 1)},
		{nameDistortion, p.Codebook.Distortion, CodeBits + 1},
	} {
		if len(a.data) != a.want {
			return fmt.Errorf("%s has %d elements, want %d: %w", a.name, len(a.data), a.want, ErrFormat)
		}
		if i := slices.IndexFunc(a.data, notFinite); i >= 0 {
			return fmt.Errorf("%s[%d] is %v: %w", a.name, i, a.data[i], ErrFormat)
		}
	}
	if err := checkMatrix(nameMatrix, p.Matrix, vectors, p.Shape.HeadDim); err != nil {
		return err
	}
	return checkMatrix(nameInverse, p.Inverse, vectors, p.Shape.HeadDim)
}

func notFinite(x float32) bool { return x-x != 0 }

// checkLambda checks that costs fall with the channel, which Planes relies on.
func (p *Profile) checkLambda() error {
	for at := 0; at < len(p.Lambda); at += p.Shape.HeadDim {
		row := p.Lambda[at : at+p.Shape.HeadDim]
		for i, x := range row {
			if !(x >= 0) || i > 0 && x > row[i-1] {
				return fmt.Errorf("%s[%d] is %v, want at least 0 and falling: %w", nameLambda, at+i, x, ErrFormat)
			}
		}
	}
	return nil
}

func (c Codebook) check() error {
	if !rising(c.Thresholds) {
		return fmt.Errorf("%s do not rise: %w", nameThresholds, ErrFormat)
	}
	if err := c.checkReconstruction(); err != nil {
		return err
	}
	for i, d := range c.Distortion {
		if !(d >= 0) || i > 0 && d > c.Distortion[i-1] {
			return fmt.Errorf("%s[%d] is %v, want at least 0 and falling: %w", nameDistortion, i, d, ErrFormat)
		}
	}
	return nil
}

// Bounds of magnitudes, in 32nds, and of the values of codes of curveBits and more,
// beside 0, in units of 1: those of the codec.
const (
	curveBits    = 4
	maxMagnitude = 127
	leastValue   = 0x1p-25
	mostValue    = 0x1p15
)

func (c Codebook) checkReconstruction() error {
	for i, m := range c.Reconstruction.Magnitudes {
		if !within(int(m), 1, maxMagnitude) {
			return fmt.Errorf("%s[%d] is %d, want 1 to %d: %w", nameReconstruction, i, m, maxMagnitude, ErrFormat)
		}
	}
	for bits := curveBits; bits <= CodeBits; bits++ {
		for q := 1 << (bits - 1); q < 1<<bits; q++ { // the others are their negatives
			x := cpuref.Value(c.Reconstruction, bits, q)
			if size := math.Abs(float64(x)); x != 0 && !(size >= leastValue && size <= mostValue) {
				return fmt.Errorf("%s of %d bits, code %d: value %v, want 0 or of %v to %v: %w", nameReconstruction, bits, q, x, leastValue, mostValue, ErrFormat)
			}
		}
	}
	return nil
}

func rising(x []float32) bool {
	for i := range x[1:] {
		if !(x[i+1] > x[i]) {
			return false
		}
	}
	return true
}

func (p *Profile) checkNumbers() error {
	i := p.Importance
	switch {
	case !(p.Slope > 0) || math.IsInf(float64(p.Slope), 1):
		return fmt.Errorf("%s is %v, want more than 0: %w", nameSlope, p.Slope, ErrFormat)
	case !within(p.PageTokens, 1, maxTokens) || !within(i.HalfLife, 1, maxTokens) || !within(i.Recent, 0, maxTokens) || !within(i.First, 0, maxTokens):
		return fmt.Errorf("pages of %d tokens, half-life %d, recent %d, first %d, at most %d: %w", p.PageTokens, i.HalfLife, i.Recent, i.First, maxTokens, ErrFormat)
	case shaders.StretchTokens%p.PageTokens != 0:
		return fmt.Errorf("pages of %d tokens, want a divisor of %d: %w", p.PageTokens, shaders.StretchTokens, ErrFormat)
	case !(i.Floor > 0 && i.Floor <= 1) || !(i.Sink > 0 && i.Sink <= 1):
		return fmt.Errorf("floor %v and sink threshold %v, want above 0 to 1: %w", i.Floor, i.Sink, ErrFormat)
	}
	return nil
}

// mostOff is how far shares that were rounded to f32 may be off 1 together.
const mostOff = 1e-5

func (p *Profile) checkUse() error {
	for layer := range p.Shape.Layers {
		sum := 0.0
		for level, share := range p.Use[layer*(Levels+1):][:Levels+1] {
			if sum += float64(share); !(share >= 0) {
				return fmt.Errorf("%s of layer %d, level %d is %v, want at least 0: %w", nameUse, layer, level, share, ErrFormat)
			}
		}
		if math.Abs(sum-1) > mostOff {
			return fmt.Errorf("%s of layer %d is %v together, want 1: %w", nameUse, layer, sum, ErrFormat)
		}
	}
	return nil
}

func within(x, low, high int) bool { return x >= low && x <= high }
