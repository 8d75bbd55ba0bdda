package tune

import (
	"errors"
	"fmt"
	"math"
)

// ErrTarget says that no slope meets the target.
var ErrTarget = errors.New("out of reach")

// Target is what a profile is tuned to: the one of both that is above 0.
type Target struct {
	KLD   float64 // most KL divergence, nats
	Ratio float64 // least bytes in f16 over stored bytes
}

// How far within the target a setting may stay to count as met.
const (
	slackKLD   = .04
	slackRatio = .01
)

// of returns what the target bounds.
func (t Target) of(f Figures) float64 {
	if t.KLD > 0 {
		return f.KLD
	}
	return rawBits / f.Bits
}

// height is what goes about straight with the logarithm of the slope, and up: that of
// the divergence, or bits less than none.
func (t Target) height(f Figures) float64 {
	if t.KLD > 0 {
		return f.logKLD()
	}
	return -f.Bits
}

// band returns the heights between which the target is met.
func (t Target) band() (low, high float64) {
	if t.KLD > 0 {
		return math.Log(t.KLD * (1 - slackKLD)), math.Log(t.KLD)
	}
	return -rawBits / t.Ratio, -rawBits / t.Ratio * (1 - slackRatio)
}

// off is how far a point lies above the middle of the band: the slope is too large.
func (t Target) off(f Figures) float64 {
	low, high := t.band()
	return t.height(f) - (low+high)/2
}

// Met tells whether figures are within the target, and close to it.
func (t Target) Met(f Figures) bool {
	low, high := t.band()
	return math.Abs(t.off(f)) <= (high-low)/2
}

// Kept tells whether figures keep to the target, however far within.
func (t Target) Kept(f Figures) bool {
	if t.KLD > 0 {
		return f.KLD <= t.KLD
	}
	return t.of(f) >= t.Ratio
}

// rise is how the height goes with the logarithm of the slope, where nothing was
// measured yet. A squared error goes with the slope, but for the channels that are not
// kept at all; four times the slope takes a bit from each channel that has one.
func (t Target) rise() float64 {
	if t.KLD > 0 {
		return .7
	}
	return .5
}

// String is the target in words.
func (t Target) String() string {
	if t.KLD > 0 {
		return fmt.Sprintf("a KL divergence of %.4g", t.KLD)
	}
	return fmt.Sprintf("a ratio of %.4g", t.Ratio)
}

// outOfReach is the error that names what can be reached: that of both ends.
func (t Target) outOfReach(a, b Figures) error {
	low, high := min(t.of(a), t.of(b)), max(t.of(a), t.of(b))
	return fmt.Errorf("tune: %s: %w, can be %.3g to %.3g", t, ErrTarget, low, high)
}
