package palette

import (
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// The scale goes through its points, and its lightness rises all along.
func TestScale(t *testing.T) {
	require.Equal(t, "#440154", Hex(Scale(0)))
	require.Equal(t, "#440154", Hex(Scale(math.NaN())))
	require.Equal(t, "#fde725", Hex(Scale(1)))
	require.Equal(t, "#fde725", Hex(Scale(2)))
	require.Equal(t, "#31688e", Hex(Scale(1./3)))
	last := -1.0
	for i := range 1001 {
		c := Scale(float64(i) / 1000)
		light := .2126*linear(c.R) + .7152*linear(c.G) + .0722*linear(c.B)
		require.GreaterOrEqual(t, light, last-1e-3, "at %d", i)
		last = light
	}
	require.True(t, Dark(Scale(0)))
	require.False(t, Dark(Scale(1)))
	require.Equal(t, color.RGBA{10, 20, 30, 255}, Mix(color.RGBA{0, 0, 0, 255}, color.RGBA{20, 40, 60, 255}, .5))
}

func linear(c uint8) float64 { return math.Pow(float64(c)/255, 2.2) }
