package calibrate_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/model"
)

// A Collector that is given the rows of a run, without knowing how many there will be,
// finds what the run found.
func TestCollector(t *testing.T) {
	m := tiny(t)
	o := calibrate.Options{Bits: 2, ForwardOnly: true, Source: "a walk"}
	want := calibrated(t, m, o)
	c, err := calibrate.NewCollector(calibrate.Setup{
		Layers: m.Layers, KVHeads: m.KVHeads, QueryHeads: m.QueryHeads, HeadDim: m.HeadDim,
		RoPE: profile.RoPE{Halves: m.Halves, Speeds: m.RopeSpeeds()}, Window: 256, Context: m.Context, ForwardOnly: true,
	})
	require.NoError(t, err)
	_, err = c.Result(o, want.Profile.Model)
	require.ErrorIs(t, err, calibrate.ErrText)
	require.ErrorIs(t, c.Begin(255), calibrate.ErrText)
	require.ErrorIs(t, c.Begin(257), calibrate.ErrText)
	windows, err := calibrate.Cut([][]int{text(m.Vocab, 1100)}, 4, 256, nil)
	require.NoError(t, err)
	pass, sharer := model.NewDifferentiator(m), model.Sharer{}
	for _, w := range windows {
		require.NoError(t, c.Begin(len(w)))
		require.NoError(t, pass.Forward(w, func(g model.LayerGradients) {
			sharer.Shares(m.Config, m.Attention(g.Layer), g.Q, g.K, func(shares []float32) { c.Attended(g.Layer, shares) })
			c.Add(g)
		}))
	}
	got, err := c.Result(o, want.Profile.Model)
	require.NoError(t, err)
	assert.Equal(t, want, got, "the same sums, and a sample that is whole in both")
}

// The sample of a text that goes on stays small and keeps rows of all of it.
func TestSampleThins(t *testing.T) {
	const d, window = 4, 300
	r := rand.New(rand.NewPCG(7, 8))
	size, from := calibrate.Sampled(d, window, 20, func() []float32 { return normal(r, window*d, 0) })
	assert.LessOrEqual(t, size, 1024)
	assert.Greater(t, size, 500)
	for w, n := range from {
		assert.InDelta(t, size/20, n, 3, "window %d", w)
	}
}
