package profile

import "slices"

// Fixed returns a copy for caches whose tokens all have the level of the mean
// (policy.Levels, Fixed): Use says so, and the slope is solved for the bits that the
// profile expects. It shares the other arrays. The error wraps ErrBits.
func (p *Profile) Fixed() (*Profile, error) {
	bits, out := p.Bits(), *p
	out.Use = make([]float32, len(p.Use))
	for use := range slices.Chunk(out.Use, Levels+1) {
		use[BaseLevel] = 1
	}
	return out.ForBits(bits)
}
