package view

import (
	"fmt"
	"image"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// face is a font at a size, its glyphs drawn once.
type face struct {
	of      font.Face
	glyphs  map[rune]*glyph
	ascent  int // pixels
	descent int
}

// glyph is a drawn character.
type glyph struct {
	mask    image.Alpha
	at      image.Point // of the mask's corner from the pen
	advance int
}

// newFace makes a face of so many pixels.
func newFace(ttf []byte, size float64) (*face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("view: font: %w", err)
	}
	of, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("view: font: %w", err)
	}
	m := of.Metrics()
	return &face{of: of, glyphs: map[rune]*glyph{}, ascent: m.Ascent.Ceil(), descent: m.Descent.Ceil()}, nil
}

// faces are those of a scale.
type faces struct{ plain, bold, title *face }

func newFaces(scale float64) (f faces, err error) {
	if f.plain, err = newFace(goregular.TTF, small*scale); err != nil {
		return f, err
	}
	if f.bold, err = newFace(gobold.TTF, small*scale); err != nil {
		return f, err
	}
	f.title, err = newFace(gobold.TTF, large*scale)
	return f, err
}

// height is that of a line.
func (f *face) height() int { return f.ascent + f.descent }

func (f *face) glyph(r rune) *glyph {
	if g, ok := f.glyphs[r]; ok {
		return g
	}
	g := &glyph{}
	bounds, mask, from, advance, ok := f.of.Glyph(fixed.Point26_6{}, r)
	if !ok {
		bounds, mask, from, advance, _ = f.of.Glyph(fixed.Point26_6{}, '\uFFFD')
	}
	g.at, g.advance = bounds.Min, advance.Round()
	if mask != nil && !bounds.Empty() {
		g.mask = *image.NewAlpha(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
		for y := range bounds.Dy() {
			for x := range bounds.Dx() {
				_, _, _, a := mask.At(from.X+x, from.Y+y).RGBA()
				g.mask.Pix[y*g.mask.Stride+x] = uint8(a >> 8)
			}
		}
	}
	f.glyphs[r] = g
	return g
}

// width is that of a text in pixels.
func (f *face) width(s string) (w int) {
	for _, r := range s {
		w += f.glyph(r).advance
	}
	return w
}
