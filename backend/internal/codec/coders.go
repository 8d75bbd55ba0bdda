package codec

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// Supplier computes codes with the matrices of the stretch of the last page of a kind.
func (c *Calibrated) Supplier() Supplier { return &coders{codec: c} }

type coders struct {
	codec *Calibrated
	last  [2]struct { // by kind
		of    pages.ID // Page being its stretch
		coder *cpuref.Coder
	}
}

// Supply computes the codes of a token on the host, or copies its rows.
func (s *coders) Supply(p pages.ID, _ int, _, rows []uint32, from, to uint8, out []uint32) (int, error) {
	n := s.codec.SupplyWords(p, from, to)
	if to >= shaders.Raw {
		return copy(out[:n], rows), nil
	}
	rotation := s.codec.Rotation(p)
	middle, stretch := rotation[:len(rotation)/2], rotation[len(rotation)/2:]
	last, of := &s.last[p.Kind], p
	of.Page = p.Page * s.codec.work.PageTokens / shaders.StretchTokens
	if last.coder == nil || last.of != of {
		last.of, last.coder = of, cpuref.NewCoder(s.codec.of(p), stretch, s.codec.turn.Interleaved)
	}
	if !last.coder.Codes(middle, rows, out[:n]) {
		return 0, fmt.Errorf("page %d of layer %d: a token that cannot be quantized was to leave raw", p.Page, p.LayerGroup)
	}
	return n, nil
}
