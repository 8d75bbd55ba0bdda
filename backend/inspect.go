package backend

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Inspection is a copy of what the page tables of a sequence say of its tokens, for
// who wants to see what a policy does. The tokens from Stored on lie in the recent
// window, as they came.
type Inspection struct {
	Tokens int // of finished steps
	Stored int // of these, the first ones, in pages
	Groups int // groups of a stored token, of a kind and layer: its KV heads, or 1 where they share a group

	// Bits are those of the groups of a kind (K, then V) and layer, Groups for each
	// stored token: 0 to 8, levels 0 to 9 in a cache with a profile, shaders.Raw for
	// groups stored as they came, or shaders.Evicted. With LevelToken there is one
	// layer, which stands for all.
	Bits [2][][]uint8
}

// Inspect fills in an Inspection and keeps its memory from call to call. It looks at
// the host's mirror of the bits and runs nothing on the device.
func (s *Sequence) Inspect(in *Inspection) error {
	if err := s.usable(0); err != nil {
		return err
	}
	in.Tokens, in.Stored, in.Groups = s.extent.Tokens, s.extent.Stored, s.c.work.TokenGroups
	n := s.storedPages()
	for k := range in.Bits {
		in.Bits[k] = slices.Grow(in.Bits[k][:0], s.c.work.LayerGroups)[:s.c.work.LayerGroups]
		for lg := range in.Bits[k] {
			bits := append(in.Bits[k][lg][:0], s.table.Bits(shaders.Kind(k), lg, 0, n)...)
			for i, b := range bits {
				bits[i] = min(b, shaders.Raw)
			}
			in.Bits[k][lg] = bits
		}
	}
	return nil
}

// Importance returns how important the stored tokens of each layer are, [layers]
// [Stored], as the policy sees it: the largest attention probability of the last
// Config.Queries queries, over the groups of a token; in a cache with a profile, the
// decayed sum of shares of squared probabilities over its mean over tokens. Tokens that too few
// queries saw have -1. It runs lists on the device. nil: the policy looks at none.
func (s *Sequence) Importance() ([][]float32, error) {
	if err := s.idle(0); err != nil {
		return nil, err
	}
	defer s.c.span("importance")()
	return s.state.readImportance(s.extent.Stored)
}

// GroupBytes are the bytes that a group of a kind and layer takes at the given bits (as
// Inspection has them), with its part of everything that a page has for its groups. The
// error wraps ErrRange where there are no such bits or layer.
func (c *Cache) GroupBytes(k shaders.Kind, layer int, bits uint8) (float64, error) {
	most := uint8(8)
	if c.cfg.Profile != nil {
		most = shaders.Levels - 1
	}
	switch {
	case k > shaders.Value || layer < 0 || layer >= c.cfg.Layers:
		return 0, typed{fmt.Errorf("backend: group of %s of layer %d: the cache has K and V of the layers 0..%d", k, layer, c.cfg.Layers-1), ErrRange}
	case bits > most && bits != shaders.Raw && (bits != shaders.Evicted || c.cfg.Profile != nil):
		return 0, typed{fmt.Errorf("backend: group of %d bits: must be 0..%d or %d", bits, most, shaders.Raw), ErrRange}
	}
	n := c.work.PageGroups
	words := c.codec.PageWords(pages.ID{Kind: k, LayerGroup: c.work.LayerGroup(layer)}, slices.Repeat([]uint8{bits}, n))
	return 4 * float64(words) / float64(n), nil
}
