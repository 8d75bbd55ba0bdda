package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
)

func TestSettingOfAProfile(t *testing.T) {
	p := profile.New(policy.Shape{Layers: 1, KVHeads: 1, HeadDim: 8})
	p.Slope = .25
	s := SettingOf(p)
	assert.Equal(t, Setting{Slope: .25, HalfLife: 64, Floor: .1, Sink: .4, Recent: 64}, s)
	s.HalfLife, s.Slope = 128, .5
	q := s.Apply(p)
	assert.Equal(t, s, SettingOf(q))
	assert.Equal(t, 4, q.Importance.First)
	assert.Equal(t, float32(.25), p.Slope, "the profile stays as it was")
}

func TestMovesStayWithinBounds(t *testing.T) {
	tuner := &tuner{Options: Options{Context: 1024}}
	assert.Equal(t, start, tuner.moved(start, make([]float64, 4)))
	assert.Equal(t, Setting{Slope: .03, HalfLife: 128, Floor: .2, Sink: .02, Recent: 43}, tuner.moved(start, []float64{1, 1, 1, -1}))
	assert.Equal(t, Setting{Slope: .03, HalfLife: 2, Floor: 1e-4, Sink: 1e-5, Recent: 256}, tuner.moved(start, []float64{-99, -99, -99, -99}))
	assert.Equal(t, Setting{Slope: .03, HalfLife: 4096, Floor: 1, Sink: 1, Recent: 16}, tuner.moved(start, []float64{99, 99, 99, 99}))
}

// A window of a quarter of the text keeps a quarter of its elements with 16 bits.
func TestTotalBits(t *testing.T) {
	p := Point{Setting{Recent: 256}, Figures{Bits: 2}}
	assert.Equal(t, 5.5, p.totalBits(1024))
	assert.Equal(t, 16., p.totalBits(100))
}

func TestReach(t *testing.T) {
	p := profile.New(policy.Shape{Layers: 1, KVHeads: 1, HeadDim: 2})
	p.Lambda = []float32{4, 0, 2, 1}
	for i := range p.Codebook.Distortion {
		p.Codebook.Distortion[i] = float32(8 - i)
	}
	least, most := Reach(p)
	assert.Equal(t, []float32{1. / 16, 4 * 128}, []float32{least, most})
}
