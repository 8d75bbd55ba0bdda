//go:build ggml

package llamatest_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/llamatest"
)

// drivers are the devices that must answer alike, and where their ICD files are.
// SwiftShader takes a minute to compile the kernels of the calibrated codec, which
// conformance proves on it.
func drivers(t *testing.T, policy string) map[string][]string {
	icd := os.Getenv("QAQVK_SWIFTSHADER_ICD")
	if icd == "" {
		icd = "/usr/lib/chromium/vk_swiftshader_icd.json"
	}
	require.FileExists(t, icd, "make setup installs it")
	out := map[string][]string{"cpu": {"QAQVK_DEVICE=cpu"}, "llvmpipe": {"QAQVK_DEVICE=llvmpipe"}}
	if policy != "calibrated" {
		out["swiftshader"] = []string{"QAQVK_DEVICE=swiftshader", "VK_ICD_FILENAMES=" + icd}
	}
	return out
}

// Logits are the same bytes whatever device the cache is on, and near those of
// llama.cpp's own buffer. The profile is made from the file that llama.cpp loads.
func TestDevices(t *testing.T) {
	tiny := tinyFloats(t)
	o := llamatest.Options{Model: tiny}
	plain := start(t, "", o)
	tokens := plain.tokens(prose)[:140]
	want := plain.feed(0, 0, 50, tokens...)
	plain.end()
	for policy, env := range map[string][]string{"qaq": nil, "calibrated": {"QAQVK_MODEL=" + tiny, "QAQVK_PROFILE=" + profileOf(t, tiny)}} {
		var first [][]float32
		for name, where := range drivers(t, policy) {
			p := start(t, policy, o, append(where, env...)...)
			got := p.feed(0, 0, 50, tokens[:120]...)
			got = append(got, p.feed(0, 120, 1, tokens[120:]...)...)
			assert.Contains(t, p.Log(), "qaqvk: 2 layers of 2 KV heads of 64 elements")
			r := p.end()
			assert.Positive(t, r[0].Cache.Stored)
			if first == nil {
				first = got
				d := llamatest.MeanDivergence(want, got)
				t.Logf("%s: divergence %.5f, %+v", policy, d, *r[0].Cache)
				assert.Less(t, d, 0.05)
			}
			requireSame(t, first, got, policy+" on "+name)
		}
	}
}

// The calibrated codec over a text most of which has left the recent window.
func TestCalibrated(t *testing.T) {
	text, err := os.ReadFile("../session/calibration.txt")
	require.NoError(t, err)
	plain := start(t, "", llamatest.Options{Context: 1024, Batch: 512})
	tokens := plain.tokens(string(text) + prose)[:400]
	want := plain.feed(0, 0, 512, tokens...)
	plain.end()
	p := start(t, "calibrated", llamatest.Options{Context: 1024, Batch: 512})
	got := p.feed(0, 0, 64, tokens...)
	r := p.end()
	d := llamatest.MeanDivergence(want[100:], got[100:])
	t.Logf("divergence %.5f, %+v", d, *r[0].Cache)
	assert.Less(t, d, 0.02)
	assert.Less(t, r[0].Cache.KBits+r[0].Cache.VBits, 5.0)
}

// Keys with large biases: what all have in common takes no bits.
func TestBiases(t *testing.T) {
	o := llamatest.Options{Model: tinyBiased(t, 100)}
	plain := start(t, "", o)
	tokens := plain.tokens(prose + prose + prose)[:300]
	want := plain.feed(0, 0, 50, tokens...)
	plain.end()
	p := start(t, "qaq", o, "QAQVK_DEVICE=cpu")
	got := p.feed(0, 0, 50, tokens[:250]...)
	got = append(got, p.feed(0, 250, 1, tokens[250:]...)...)
	r := p.end()
	d := llamatest.MeanDivergence(want[70:], got[70:])
	t.Logf("divergence %.5f, %+v", d, *r[0].Cache)
	assert.Less(t, d, 0.02)
	assert.Less(t, r[0].Cache.KBits, 7.0)
	assert.Equal(t, int64(200), r[0].Ops.Absorbed, "once, as the text has grown")
}
