//go:build ggml

package llamatest_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/llamatest"
	"github.com/qaqvk/qaqvk/internal/model"
)

// A profile that a run is recorded for is the one that calibrate --forward-only makes of
// the same tokens, but for the rounding of llama.cpp's products, and llama.cpp takes it.
func TestRecord(t *testing.T) {
	text, err := os.ReadFile("../session/calibration.txt")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "recorded.safetensors")
	o := llamatest.Options{Context: 512, Batch: 128}
	p := start(t, "none", o, "QAQVK_CALIBRATE="+file)
	tokens := p.tokens(string(text) + prose)[:320]
	want := p.feed(0, 0, 128, tokens...)
	p.end()
	assert.Contains(t, p.Log(), "profile written to "+file+": 320 tokens in 1 windows, 30 layers")
	got, err := profile.Load(file)
	require.NoError(t, err)

	m, err := model.Load(gguf)
	require.NoError(t, err)
	defer m.Close()
	r, err := calibrate.Run(context.Background(), m, [][]int{tokens}, calibrate.Options{Bits: 1.8, ForwardOnly: true}, func(int, int) {})
	require.NoError(t, err)
	require.NoError(t, got.Check(policy.Shape{Layers: 30, KVHeads: 3, HeadDim: 64}, profile.RoPE{Halves: m.Halves, Speeds: m.RopeSpeeds()}, r.Profile.Model))
	means, lambdas, use := apart(r.Profile.Mean, got.Mean), apart(r.Profile.Lambda, got.Lambda), apart(r.Profile.Use, got.Use)
	t.Logf("of calibrate's: means %.4f, costs %.4f, use of levels %.4f apart; slope %g for %g", means, lambdas, use, got.Slope, r.Profile.Slope)
	assert.Less(t, means, 0.05)
	assert.Less(t, lambdas, 0.1)
	assert.Less(t, use, 0.1)

	q := start(t, "calibrated", o, "QAQVK_PROFILE="+file, "QAQVK_MODEL="+gguf)
	coded := q.feed(0, 0, 128, tokens...)
	report := q.end()
	d := llamatest.MeanDivergence(want[100:], coded[100:])
	t.Logf("divergence %.5f, %+v", d, *report[0].Cache)
	assert.Less(t, d, 0.1)
}

// apart is the norm of a difference over that of what was wanted.
func apart(want, got []float32) float64 {
	off, all := 0.0, 0.0
	for i, x := range want {
		d := float64(x) - float64(got[i])
		off, all = off+d*d, all+float64(x)*float64(x)
	}
	return math.Sqrt(off / all)
}
