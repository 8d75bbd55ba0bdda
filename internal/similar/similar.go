// Package similar compares pictures in tests.
package similar

import (
	"image"
	"image/color"
)

// Pictures is the mean structural similarity of two pictures (Wang et al., 2004), by
// windows of 8 x 8 pixels of lightness: 1 is the same, and 0 what pictures of different
// sizes have.
func Pictures(a, b image.Image) float64 {
	if a.Bounds().Size() != b.Bounds().Size() || a.Bounds().Dx() < side || a.Bounds().Dy() < side {
		return 0
	}
	p, q := lightness(a), lightness(b)
	total, n, wide := 0.0, 0, a.Bounds().Dx()
	for y := 0; y+side <= a.Bounds().Dy(); y += side {
		for x := 0; x+side <= wide; x += side {
			total += window(p[y*wide+x:], q[y*wide+x:], wide)
			n++
		}
	}
	return total / float64(n)
}

// side is that of a window. The constants are those of the paper, for 255 steps.
const (
	side = 8
	c1   = (.01 * 255) * (.01 * 255)
	c2   = (.03 * 255) * (.03 * 255)
)

// window is the similarity of the windows that begin two slices of rows.
func window(p, q []float64, wide int) float64 {
	var sp, sq, pp, qq, pq float64
	for y := range side {
		for x := range side {
			a, b := p[y*wide+x], q[y*wide+x]
			sp, sq, pp, qq, pq = sp+a, sq+b, pp+a*a, qq+b*b, pq+a*b
		}
	}
	const n = side * side
	mp, mq := sp/n, sq/n
	return (2*mp*mq + c1) * (2*(pq/n-mp*mq) + c2) / ((mp*mp + mq*mq + c1) * (pp/n - mp*mp + qq/n - mq*mq + c2))
}

func lightness(m image.Image) []float64 {
	b := m.Bounds()
	out := make([]float64, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			out = append(out, .299*float64(c.R)+.587*float64(c.G)+.114*float64(c.B))
		}
	}
	return out
}
