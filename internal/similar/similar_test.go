package similar

import (
	"image"
	"image/color"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func noise(seed uint64, w, h, around int) *image.Gray {
	m, rng := image.NewGray(image.Rect(0, 0, w, h)), rand.New(rand.NewPCG(seed, 1))
	for i := range m.Pix {
		m.Pix[i] = uint8(around + rng.IntN(100))
	}
	return m
}

func TestPictures(t *testing.T) {
	a := noise(1, 64, 40, 50)
	require.InDelta(t, 1, Pictures(a, a), 1e-9)
	require.Less(t, Pictures(a, noise(2, 64, 40, 50)), 0.4, "another noise")
	require.Zero(t, Pictures(a, noise(1, 64, 41, 50)))
	near := image.NewGray(a.Rect)
	for i, p := range a.Pix {
		near.Pix[i] = p + uint8(i%2)
	}
	require.Greater(t, Pictures(a, near), 0.99)
	one, other := image.NewRGBA(image.Rect(0, 0, 8, 8)), image.NewRGBA(image.Rect(3, 3, 11, 11))
	one.SetRGBA(1, 1, color.RGBA{255, 255, 255, 255})
	require.Less(t, Pictures(one, other), 0.2)
}

func TestToFile(t *testing.T) {
	path, a := filepath.Join(t.TempDir(), "a.png"), noise(1, 64, 40, 50)
	_, err := ToFile(a, path, false)
	require.ErrorContains(t, err, path)
	like, err := ToFile(a, path, true)
	require.NoError(t, err)
	require.InDelta(t, 1, like, 1e-9)
	like, err = ToFile(noise(2, 64, 40, 50), path, false)
	require.NoError(t, err)
	require.Less(t, like, 0.4)
}
