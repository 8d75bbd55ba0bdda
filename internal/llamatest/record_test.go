//go:build ggml

package llamatest_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/llamatest"
	"github.com/qaqvk/qaqvk/internal/model"
	gguffile "github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// A profile that a run is recorded for is the one that calibrate --forward-only makes of
// the same tokens, but for the rounding of llama.cpp's products, and llama.cpp takes it.
func TestRecord(t *testing.T) {
	text, err := os.ReadFile("../session/calibration.txt")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "recorded.safetensors")
	o := llamatest.Options{Context: 512, Batch: 128}
	p := start(t, "none", o, "QAQVK_CALIBRATE="+file)
	tokens := p.tokens(string(text) + prose)[:288]
	want := p.feed(0, 0, 128, tokens...)
	p.end()
	assert.Contains(t, p.Log(), "profile written to "+file+": 288 tokens in 1 windows, 30 layers")
	got, err := profile.Load(file)
	require.NoError(t, err)

	m, err := model.Load(gguf)
	require.NoError(t, err)
	defer m.Close()
	m.Context = o.Context // positions that statistics are of
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

// granite makes the file one of an architecture that this project does not run, though it
// computes what a llama does, with factors of RoPE and positions divided by 4.
func granite(f *modeltest.File) {
	for i, kv := range f.KVs {
		f.KVs[i].Key = strings.Replace(kv.Key, "llama.", "granite.", 1)
	}
	f.Set("general.architecture", "granite")
	f.Set("granite.logit_scale", float32(1))
	f.Set("granite.rope.scaling.type", "linear")
	f.Set("granite.rope.scaling.factor", float32(4))
	f.Add(5, "rope_freqs.weight", quant.F32, modeltest.HeadDim/2)
}

// A model that cannot be differentiated, two texts at once and one rewound, in two
// contexts of a process each.
func TestRecordOtherArchitecture(t *testing.T) {
	path, file := tinyFile(t, granite), filepath.Join(t.TempDir(), "recorded.safetensors")
	_, err := model.Load(path)
	require.ErrorIs(t, err, model.ErrUnsupported)
	p := start(t, "none", llamatest.Options{Model: path, Context: 1024, Sequences: 2}, "QAQVK_CALIBRATE="+file, "QAQVK_DEVICE=cpu")
	tokens := p.tokens(prose + prose)
	require.Greater(t, len(tokens), 480)
	for at := 0; at < 300; at += 20 { // the first text's window
		p.feed(0, at, 20, tokens[at:at+20]...)
		p.feed(1, at, 20, tokens[at+1:at+21]...)
	}
	p.call("rm", 0, 100, -1)
	p.feed(0, 100, 30, tokens[120:480]...) // another one
	p.end()
	assert.Contains(t, p.Log(), "664 tokens in 2 windows")
	assert.NotContains(t, p.Log(), "is not known")
	got, err := profile.Load(file)
	require.NoError(t, err)
	f, err := gguffile.Open(path)
	require.NoError(t, err)
	defer f.Close()
	fingerprint, err := f.Fingerprint()
	require.NoError(t, err)
	factors := make([]float32, modeltest.HeadDim/2)
	require.NoError(t, f.Lookup("rope_freqs.weight").Rows(factors, 0))
	want := model.Rope{Dims: modeltest.HeadDim, Base: 10000, Scale: 4}.Speeds(factors)
	assert.NoError(t, got.Check(policy.Shape{Layers: 2, KVHeads: 2, HeadDim: 64}, profile.RoPE{Speeds: want}, fingerprint))
}

// Without the model's file there is no profile, which is said at once and at the end.
func TestRecordRefuses(t *testing.T) {
	tiny, file := tinyFloats(t), filepath.Join(t.TempDir(), "recorded.safetensors")
	p := start(t, "none", llamatest.Options{Model: tiny}, "QAQVK_CALIBRATE="+file, "QAQVK_DEVICE=cpu", "QAQVK_MODEL=absent")
	p.feed(0, 0, 4, 1, 2, 3, 4)
	assert.Contains(t, p.Log(), "qaqvk: attention from host memory: QAQVK_CALIBRATE="+file+": a profile is of one file: QAQVK_MODEL names it: ")
	p.end()
	assert.Contains(t, p.Log(), "no profile was written: no attention of a text was computed from the cache")
	q := start(t, "none", llamatest.Options{Model: tiny}, "QAQVK_CALIBRATE="+file, "QAQVK_DEVICE=cpu")
	q.feed(0, 0, 4, 1, 2, 3, 4)
	q.end()
	assert.Contains(t, q.Log(), "no profile was written: the longest window has 4 tokens, at least 256: too little text")
	assert.NoFileExists(t, file)
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
