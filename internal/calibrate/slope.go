package calibrate

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// levelBits are the bits that a cache keeps of a token in a layer to know its
// importance by, rawBits those of an element kept as it came.
const (
	levelBits = 8
	rawBits   = 16
)

// use is how often tokens had each level.
type use struct {
	counts [][profile.Levels]float64 // [Layers]
	sinks  float64
	tokens float64 // (token, layer) pairs
}

func (c *collector) use() use {
	var u use
	for _, l := range c.levels {
		u.counts = append(u.counts, l.counts)
		u.sinks += l.raw
		u.tokens += l.raw
		for _, n := range l.counts {
			u.tokens += n
		}
	}
	return u
}

// raw returns the share of tokens that are raw.
func (u use) raw() float64 { return u.sinks / u.tokens }

// bits returns the stored bits an element with a profile's slope.
func (u use) bits(p *profile.Profile) float64 {
	planes := p.Planes()
	elements := float64(2 * p.Shape.KVHeads * p.Shape.HeadDim)
	sum := u.sinks*elements*rawBits + u.tokens*levelBits
	for layer, counts := range u.counts {
		for level, n := range counts {
			sum += n * float64(planes.RecordBits(shaders.Key, layer, level)+planes.RecordBits(shaders.Value, layer, level))
		}
	}
	return sum / (u.tokens * elements)
}

// steps of halving the range of the slope's logarithm.
const steps = 40

// solve sets the slope at which the bits come nearest to those wanted from below,
// and returns them.
func (u use) solve(p *profile.Profile, wanted float64) (float64, error) {
	if u.tokens == 0 {
		return 0, fmt.Errorf("no token left the recent window: %w", ErrText)
	}
	low, high := -149., 127. // log2: at low all bits are kept, at high none
	for range steps {
		middle := (low + high) / 2
		p.Slope = float32(math.Exp2(middle))
		if u.bits(p) > wanted {
			low = middle
		} else {
			high = middle
		}
	}
	p.Slope = float32(math.Exp2(high))
	return u.bits(p), nil
}
