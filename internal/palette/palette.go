// Package palette has the colours of pictures: a scale and a few that can be told
// apart, also by those who do not see red and green apart.
package palette

import (
	"fmt"
	"image/color"
	"math"
)

// viridis are ten points of the scale of that name, evenly spread (Smith and van der
// Walt, 2015; matplotlib): its lightness rises evenly.
var viridis = [...]color.RGBA{
	{0x44, 0x01, 0x54, 255}, {0x48, 0x28, 0x78, 255}, {0x3e, 0x49, 0x89, 255}, {0x31, 0x68, 0x8e, 255}, {0x26, 0x82, 0x8e, 255},
	{0x1f, 0x9e, 0x89, 255}, {0x35, 0xb7, 0x79, 255}, {0x6e, 0xce, 0x58, 255}, {0xb5, 0xde, 0x2b, 255}, {0xfd, 0xe7, 0x25, 255},
}

// Scale is the colour of a part, 0 to 1, of the scale.
func Scale(part float64) color.RGBA {
	if !(part > 0) {
		return viridis[0]
	}
	at := min(part, 1) * float64(len(viridis)-1)
	i := min(int(at), len(viridis)-2)
	return Mix(viridis[i], viridis[i+1], at-float64(i))
}

// Mix is a colour between two: a at 0, b at 1.
func Mix(a, b color.RGBA, part float64) color.RGBA {
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + part*(float64(y)-float64(x)))) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), mix(a.A, b.A)}
}

// Dark tells whether white is easier to read on a colour than black.
func Dark(c color.RGBA) bool {
	return 299*int(c.R)+587*int(c.G)+114*int(c.B) < 1000*140
}

// Hex is #rrggbb.
func Hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Raw and Evicted are of groups that are on no scale: as they came, and out of
// attention.
var (
	Raw     = color.RGBA{0xf4, 0xf1, 0xea, 255}
	Evicted = color.RGBA{0x30, 0x30, 0x30, 255}
)

// Lines are colours of curves (Okabe and Ito, 2008).
var Lines = [...]color.RGBA{{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255}, {0, 0, 0, 255}}
