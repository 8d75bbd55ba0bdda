package calibrate_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/shaders"
)

// tiny is the tiny model with a context that holds windows.
func tiny(t *testing.T) *model.Model {
	f := modeltest.Tiny(7)
	f.Set("llama.context_length", uint32(512))
	path := t.TempDir() + "/tiny.gguf"
	require.NoError(t, f.Write(path))
	m, err := model.Load(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// text is a random walk over the vocabulary.
func text(vocab, n int) []int {
	r := rand.New(rand.NewPCG(3, 4))
	out := make([]int, n)
	for i := range out {
		out[i] = (i/7*13 + r.IntN(20)) % vocab
	}
	return out
}

func calibrated(t *testing.T, m *model.Model, o calibrate.Options) *calibrate.Result {
	windows, err := calibrate.Cut([][]int{text(m.Vocab, 1100)}, 4, 256, nil)
	require.NoError(t, err)
	steps := 0
	r, err := calibrate.Run(t.Context(), m, windows, o, func(done, all int) {
		require.Equal(t, steps, done)
		require.Equal(t, 4, all)
		steps++
	})
	require.NoError(t, err)
	require.Equal(t, 5, steps)
	return r
}

func TestRun(t *testing.T) {
	m := tiny(t)
	for _, forward := range []bool{false, true} {
		r := calibrated(t, m, calibrate.Options{Bits: 2, Seed: 1, ForwardOnly: forward, Source: "a walk"})
		p := r.Profile
		require.NoError(t, p.Validate())
		assert.Equal(t, 1024, r.Tokens)
		assert.Equal(t, "a walk", p.Source)
		assert.Len(t, p.Model, 64)
		assert.Len(t, p.RoPE.Speeds, modeltest.HeadDim/2)
		assert.LessOrEqual(t, r.Bits, 2.)
		assert.Greater(t, r.Bits, 1.9)
		for _, kind := range []shaders.Kind{shaders.Key, shaders.Value} {
			for head := range modeltest.KVHeads {
				checkInverse(t, p.Head(kind, 1, head))
			}
		}
		data, err := p.Bytes()
		require.NoError(t, err)
		again, err := calibrated(t, m, calibrate.Options{Bits: 2, Seed: 1, ForwardOnly: forward, Source: "a walk"}).Profile.Bytes()
		require.NoError(t, err)
		assert.Equal(t, data, again, "the same bits again")
		other := calibrated(t, m, calibrate.Options{Bits: 2, Seed: 2, ForwardOnly: forward, Source: "a walk"})
		assert.Equal(t, forward, other.Profile.Hash() == p.Hash(), "the seed is that of the labels")
	}
}

// checkInverse checks that rows come back from channels.
func checkInverse(t *testing.T, h profile.Head) {
	d, forward, backward := len(h.Mean), h.Forward(), h.Backward()
	for i := range d {
		for j := range d {
			var sum float64
			for c := range d {
				sum += float64(backward[i*d+c]) * float64(forward[c*d+j])
			}
			want := 0.0
			if i == j {
				want = 1
			}
			require.InDelta(t, want, sum, 0.05, "element %d of %d", j, i)
		}
	}
}

// Rows of a text that was not calibrated on lose less with each level, and no more
// at the highest than its bits allow.
func TestRowsComeBack(t *testing.T) {
	m := tiny(t)
	p := calibrated(t, m, calibrate.Options{Bits: 2.5, Seed: 1}).Profile
	pass := model.NewDifferentiator(m)
	require.NoError(t, pass.Forward(text(m.Vocab, 300)[44:], func(g model.LayerGradients) {
		for kind, rows := range [][]float32{g.K, g.V} {
			last := math.Inf(1)
			for level := range profile.Levels {
				loss := relativeLoss(p, shaders.Kind(kind), g.Layer, level, rows)
				assert.LessOrEqual(t, loss, last*1.02, "%v of layer %d at level %d", shaders.Kind(kind), g.Layer, level)
				last = loss
			}
			assert.Less(t, last, 0.35, "%v of layer %d", shaders.Kind(kind), g.Layer)
		}
	}))
}

// relativeLoss is the error's squared norm over that of the rows less their mean,
// both weighed as the profile weighs them.
func relativeLoss(p *profile.Profile, kind shaders.Kind, layer, level int, rows []float32) float64 {
	d, planes, values := p.Shape.HeadDim, p.Planes(), tables(p)
	n := len(p.RoPE.Speeds)
	cos, sin := make([]float32, n), make([]float32, n)
	var lost, all float64
	for r := range len(rows) / d {
		token, head := r/p.Shape.KVHeads, r%p.Shape.KVHeads
		h := p.Head(kind, layer, head)
		mean := append([]float32{}, h.Mean...)
		if kind == shaders.Key {
			p.RoPE.Turn(p.Middle(token), cos, sin)
			p.RoPE.Rotate(mean, cos, sin)
		}
		for c := range d {
			var z float64
			for e, a := range h.Forward()[c*d : (c+1)*d] {
				z += float64(a) * float64(rows[r*d+e]-mean[e])
			}
			back, bits := 0.0, 0
			for bits < profile.CodeBits && c < planes.Count(kind, layer, head, level, bits) {
				bits++
			}
			if bits > 0 {
				back = float64(values[bits][profile.Code(float32(z), p.Codebook.Thresholds)>>(profile.CodeBits-bits)])
			}
			lost += float64(h.Lambda[c]) * (z - back) * (z - back)
			all += float64(h.Lambda[c]) * z * z
		}
	}
	return lost / all
}

// tables are the values of codes by their bits.
func tables(p *profile.Profile) (out [profile.CodeBits + 1][]float32) {
	for bits := range out {
		out[bits] = p.Codebook.Table(bits)
	}
	return out
}

func TestRunRejects(t *testing.T) {
	m := tiny(t)
	none := func(int, int) {}
	_, err := calibrate.Run(t.Context(), m, [][]int{make([]int, 255)}, calibrate.Options{Bits: 2}, none)
	require.ErrorIs(t, err, calibrate.ErrText)
	_, err = calibrate.Run(t.Context(), m, [][]int{make([]int, 513)}, calibrate.Options{Bits: 2}, none)
	require.ErrorIs(t, err, model.ErrContext)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = calibrate.Run(ctx, m, [][]int{make([]int, 256)}, calibrate.Options{Bits: 2}, none)
	require.ErrorIs(t, err, context.Canceled)
}
