package view

import (
	"image"
	"image/color"
	"math"
)

// canvas draws into a picture; what lies beyond its clip is left out.
type canvas struct {
	img       *image.RGBA
	clip      image.Rectangle
	blueFirst bool // in the picture
}

// pixel is the four bytes of a colour in the picture.
func (c canvas) pixel(col color.RGBA) color.RGBA {
	if c.blueFirst {
		col.R, col.B = col.B, col.R
	}
	return col
}

// within is the canvas with a smaller clip.
func (c canvas) within(r image.Rectangle) canvas {
	c.clip = c.clip.Intersect(r)
	return c
}

// fill fills a rectangle.
func (c canvas) fill(r image.Rectangle, col color.RGBA) {
	r = r.Intersect(c.clip)
	if r.Empty() {
		return
	}
	col = c.pixel(col)
	row := c.img.Pix[c.img.PixOffset(r.Min.X, r.Min.Y):][:4*r.Dx()]
	for i := 0; i < len(row); i += 4 {
		row[i], row[i+1], row[i+2], row[i+3] = col.R, col.G, col.B, 255
	}
	for y := r.Min.Y + 1; y < r.Max.Y; y++ {
		copy(c.img.Pix[c.img.PixOffset(r.Min.X, y):], row)
	}
}

// frame draws the edge of a rectangle, inside it.
func (c canvas) frame(r image.Rectangle, col color.RGBA, width int) {
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+width), col)
	c.fill(image.Rect(r.Min.X, r.Max.Y-width, r.Max.X, r.Max.Y), col)
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Min.X+width, r.Max.Y), col)
	c.fill(image.Rect(r.Max.X-width, r.Min.Y, r.Max.X, r.Max.Y), col)
}

// text draws a text whose first line's top is at y, and returns where it ends.
func (c canvas) text(f *face, x, y int, s string, col color.RGBA) int {
	for _, r := range s {
		g := f.glyph(r)
		c.glyph(g, image.Pt(x, y+f.ascent).Add(g.at), col)
		x += g.advance
	}
	return x
}

// textRight draws a text that ends at x.
func (c canvas) textRight(f *face, x, y int, s string, col color.RGBA) {
	c.text(f, x-f.width(s), y, s, col)
}

// textFit draws a text that is cut where it is wider than the room, with dots.
func (c canvas) textFit(f *face, x, y, room int, s string, col color.RGBA) int {
	if f.width(s) <= room {
		return c.text(f, x, y, s, col)
	}
	end, dots := x+room-f.width("…"), "…"
	for _, r := range s {
		if x+f.glyph(r).advance > end {
			break
		}
		x = c.text(f, x, y, string(r), col)
	}
	return c.text(f, x, y, dots, col)
}

func (c canvas) glyph(g *glyph, at image.Point, col color.RGBA) {
	col = c.pixel(col)
	r := g.mask.Rect.Add(at).Intersect(c.clip)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		mask := g.mask.Pix[(y-at.Y)*g.mask.Stride+r.Min.X-at.X:][:r.Dx()]
		out := c.img.Pix[c.img.PixOffset(r.Min.X, y):][:4*r.Dx()]
		for i, a := range mask {
			if a != 0 {
				blend(out[4*i:4*i+4], col, int(a))
			}
		}
	}
}

// blend lays a colour over a pixel; a is 0 to 255.
func blend(p []uint8, col color.RGBA, a int) {
	p[0] = uint8((int(p[0])*(255-a) + int(col.R)*a + 127) / 255)
	p[1] = uint8((int(p[1])*(255-a) + int(col.G)*a + 127) / 255)
	p[2] = uint8((int(p[2])*(255-a) + int(col.B)*a + 127) / 255)
}

// point is a place between pixels.
type point struct{ x, y float64 }

// curve draws a line through points whose x rise, so many pixels wide: in each column
// of pixels from the least to the greatest y.
func (c canvas) curve(points []point, width float64, col color.RGBA) {
	type extent struct{ low, high float64 }
	columns := make([]extent, c.clip.Dx())
	for i := range columns {
		columns[i] = extent{math.Inf(1), math.Inf(-1)}
	}
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		for x := max(int(a.x), c.clip.Min.X); x <= int(b.x) && x < c.clip.Max.X; x++ {
			e := &columns[x-c.clip.Min.X]
			for _, at := range [2]float64{max(a.x, float64(x)), min(b.x, float64(x+1))} {
				y := a.y
				if b.x > a.x {
					y += (b.y - a.y) * (at - a.x) / (b.x - a.x)
				}
				e.low, e.high = min(e.low, y), max(e.high, y)
			}
			if b.x == a.x {
				e.low, e.high = min(e.low, b.y), max(e.high, b.y)
			}
		}
	}
	for i, e := range columns {
		if e.low <= e.high {
			c.column(c.clip.Min.X+i, e.low-width/2, e.high+width/2, col)
		}
	}
}

// column lays a colour over a column of pixels from one place to another, as far as
// each pixel lies between them.
func (c canvas) column(x int, from, to float64, col color.RGBA) {
	col = c.pixel(col)
	for y := max(int(from), c.clip.Min.Y); y < c.clip.Max.Y && float64(y) < to; y++ {
		part := min(to, float64(y+1)) - max(from, float64(y))
		at := c.img.PixOffset(x, y)
		blend(c.img.Pix[at:at+4], col, int(255*part))
	}
}
