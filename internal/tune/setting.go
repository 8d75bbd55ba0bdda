package tune

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/profile"
)

// Setting is what is tuned of a profile.
type Setting struct {
	Slope    float32 `json:"slope"`
	HalfLife int     `json:"half_life"`
	Floor    float32 `json:"floor"`
	Sink     float32 `json:"sink"`
	Recent   int     `json:"recent"`
}

// SettingOf returns that of a profile.
func SettingOf(p *profile.Profile) Setting {
	i := p.Importance
	return Setting{Slope: p.Slope, HalfLife: i.HalfLife, Floor: i.Floor, Sink: i.Sink, Recent: i.Recent}
}

// Apply returns a copy of a profile with the setting. It shares the arrays.
func (s Setting) Apply(p *profile.Profile) *profile.Profile {
	out := *p
	out.Slope = s.Slope
	out.Importance.HalfLife, out.Importance.Floor = s.HalfLife, s.Floor
	out.Importance.Sink, out.Importance.Recent = s.Sink, s.Recent
	return &out
}

// String has all parameters.
func (s Setting) String() string {
	return fmt.Sprintf("slope %.4g, half-life %d, floor %.3g, sink %.3g, recent %d", s.Slope, s.HalfLife, s.Floor, s.Sink, s.Recent)
}

// logSlope is where the setting stands on the axis that is searched.
func (s Setting) logSlope() float64 { return math.Log(float64(s.Slope)) }

// at returns the setting with another slope.
func (s Setting) at(logSlope float64) Setting {
	s.Slope = float32(math.Exp(logSlope))
	return s
}

// Figures are what a setting gives.
type Figures struct {
	KLD  float64 `json:"kld"`  // mean KL divergence from the uncompressed cache, nats
	Bits float64 `json:"bits"` // stored bits an element outside of the recent window, every header counted
}

// Point is a setting that was measured.
type Point struct {
	Setting
	Figures
}

// leastKLD stands for divergences too small to have a logarithm.
const leastKLD = 1e-12

func (f Figures) logKLD() float64 { return math.Log(max(f.KLD, leastKLD)) }

// rawBits are the bits of an element in the recent window.
const rawBits = 16

// totalBits are the bits an element of a text of so many tokens, those of the recent
// window among them.
func (p Point) totalBits(tokens int) float64 {
	return p.Bits + (rawBits-p.Bits)*min(float64(p.Recent)/float64(tokens), 1)
}

// Reach returns slopes at which a profile keeps all planes at every level, and none.
// They are bounds: planes end somewhere between.
func Reach(p *profile.Profile) (least, most float32) {
	d := p.Codebook.Distortion
	low, high := math.Inf(1), 0.0
	for _, lambda := range p.Lambda {
		for plane := range profile.CodeBits {
			if worth := float64(lambda) * float64(d[plane]-d[plane+1]); worth > 0 {
				low, high = min(low, worth), max(high, worth)
			}
		}
	}
	// Level 0 asks 8 times the slope of a plane, level 9 a 64th of it.
	return float32(max(low/16, math.SmallestNonzeroFloat32)), float32(min(high*128, math.MaxFloat32))
}
