package profile

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// rawBits are the bits of an element that is kept as it came.
const rawBits = 16

// Bits returns the stored bits an element that the profile expects: of records as
// often as Use has their levels, of raw rows, and of the headers of whole pages. What
// a cache keeps beside pages, such as importance, is not counted.
func (p *Profile) Bits() float64 { return p.bits(p.ranking(), p.Slope) }

// ForBits returns a copy with the slope at which Bits comes nearest to those wanted
// from below; at more than all planes take, all are kept. It shares the arrays. The
// error wraps ErrBits where raw rows and headers alone take more, or raw rows less.
func (p *Profile) ForBits(wanted float64) (*Profile, error) {
	ranking := p.ranking()
	out := *p
	out.Slope = math.MaxFloat32
	least := p.bits(ranking, out.Slope)
	if !(wanted >= least && wanted <= rawBits) {
		return nil, fmt.Errorf("profile: %.4g bits an element, can be %.4g to %d: %w", wanted, least, rawBits, ErrBits)
	}
	low, high := uint32(0), math.Float32bits(out.Slope) // positive numbers rise with their bits
	for high-low > 1 {
		middle := low + (high-low)/2
		if p.bits(ranking, math.Float32frombits(middle)) > wanted {
			low = middle
		} else {
			high = middle
		}
	}
	out.Slope = math.Float32frombits(high)
	return &out, nil
}

// ranking has the planes of each kind and layer in falling order of worth.
type ranking [][]item // [2·Layers]

func (p *Profile) ranking() ranking {
	out := make(ranking, 2*p.Shape.Layers)
	for at := range out {
		out[at] = p.falling(shaders.Kind(at/p.Shape.Layers), at%p.Shape.Layers)
	}
	return out
}

// bits returns Bits with a slope.
func (p *Profile) bits(r ranking, slope float32) float64 {
	layers := p.Shape.Layers
	elements := float64(p.Shape.KVHeads * p.Shape.HeadDim)
	sum := float64(2*layers) * 32 * float64(shaders.RecordsAt(p.PageTokens)) / float64(p.PageTokens)
	for at, items := range r {
		use := p.Use[at%layers*(Levels+1):][:Levels+1]
		for level, share := range use[:Levels] {
			sum += float64(float64(share) * float64(kept(items, slope, level)))
		}
		sum += float64(float64(use[Levels]) * float64(rawBits*elements))
	}
	return sum / float64(float64(2*layers)*elements)
}
