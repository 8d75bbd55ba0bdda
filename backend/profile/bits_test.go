package profile_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// Bits are what pages take whose tokens have the levels of Use: 32 tokens of it.
func TestBitsAreThoseOfPages(t *testing.T) {
	p := random(6, shape)
	levels := []uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 7, 8, 9, shaders.Raw}
	require.Len(t, levels, p.PageTokens)
	all, err := p.AllTables(shaders.TypeF16)
	require.NoError(t, err)
	words := 0
	for _, layers := range all {
		for _, tables := range layers {
			words += tables.PageWords(levels)
		}
	}
	assert.InEpsilon(t, float64(32*words)/float64(4*32*3*32), p.Bits(), 1e-12)
}

func TestForBits(t *testing.T) {
	p := random(6, shape)
	for _, wanted := range []float64{0.7, 1, 1.8, 4, 6} {
		q, err := p.ForBits(wanted)
		require.NoError(t, err)
		assert.LessOrEqual(t, q.Bits(), wanted)
		assert.Greater(t, q.Bits(), wanted-.05)
		require.NoError(t, q.Validate())
		assert.NotEqual(t, p.Hash(), q.Hash())
		more := *q
		more.Slope = math.Nextafter32(q.Slope, 0)
		assert.Greater(t, more.Bits(), wanted, "the next smaller slope is too small")
	}
	assert.Equal(t, float32(0.02), p.Slope)
}

func TestForBitsOutOfReach(t *testing.T) {
	p := random(6, shape)
	least := 8./96 + 16./32 // header, one raw token in 32
	for _, wanted := range []float64{0, least - 1e-9, 16.001, math.NaN()} {
		_, err := p.ForBits(wanted)
		require.ErrorIs(t, err, profile.ErrBits)
		assert.ErrorContains(t, err, "can be 0.5833 to 16")
	}
	q, err := p.ForBits(least)
	require.NoError(t, err)
	assert.Equal(t, least, q.Bits())
	q, err = p.ForBits(16)
	require.NoError(t, err)
	assert.Equal(t, 8./96+16./32+8*31./32, q.Bits(), "all planes")
}

// Where all tokens have one level, it takes the bits that the profile expects.
func TestFixed(t *testing.T) {
	p, err := random(3, shape).ForBits(3)
	require.NoError(t, err)
	fixed, err := p.Fixed()
	require.NoError(t, err)
	assert.InDelta(t, p.Bits(), fixed.Bits(), 0.2)
	assert.LessOrEqual(t, fixed.Bits(), p.Bits())
	assert.Equal(t, float32(1), fixed.Use[profile.BaseLevel])
	assert.NotEqual(t, p.Hash(), fixed.Hash())
}
