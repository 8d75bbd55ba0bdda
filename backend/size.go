package backend

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// PageBytes are the bytes of device memory that the pages of so many tokens take
// when groups have so many bits on average, 0 to 16 (Bits.Mean of an earlier
// Stats of the model tells). For a Reserve, add three percent, so that pages
// whose bits change find room. Errors wrap ErrConfig.
func (c Config) PageBytes(tokens int, kBits, vBits float64) (int64, error) {
	if err := c.Check(); err != nil {
		return 0, err
	}
	c = c.withDefaults()
	geo, err := c.geometry()
	if err != nil {
		return 0, err
	}
	if tokens < 0 {
		return 0, fmt.Errorf("backend: pages of %d tokens: must not be negative: %w", tokens, policy.ErrConfig)
	}
	words := 0.0
	for kind, bits := range [2]float64{kBits, vBits} {
		if !(bits >= 0 && bits <= shaders.Raw) {
			return 0, fmt.Errorf("backend: %g bits for %s: must be 0..%d: %w", bits, shaders.Kind(kind), shaders.Raw, policy.ErrConfig)
		}
		words += meanPageWords(geo, bits)
	}
	return int64(4 * words * float64(geo.LayerGroups*(tokens/c.PageTokens))), nil
}

// evenPageWords are the words of a page, alignment included, all of whose groups
// have the same bits.
func evenPageWords(g *core.Geometry, bits uint8) int {
	all := make([]uint8, g.PageGroups)
	for i := range all {
		all[i] = bits
	}
	return shaders.AlignWords(g.Layout.PageWords(all))
}

// meanPageWords are the words of a page, alignment included, between those of
// pages all of whose groups have the next fewer and the next more bits.
func meanPageWords(g *core.Geometry, bits float64) float64 {
	size := func(b int) float64 { return float64(evenPageWords(g, uint8(b))) }
	low := int(math.Floor(bits))
	high := low + 1
	if low >= 8 {
		low, high = 8, shaders.Raw
	}
	part := (bits - float64(low)) / float64(high-low)
	return (1-part)*size(low) + part*size(high)
}
