package eval

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// tinyContext is the context of the tiny model here.
const tinyContext = 256

// tiny is a bench on the reference device with a random model.
func tiny(t *testing.T) *Bench {
	t.Helper()
	f := modeltest.Tiny(1)
	f.Set("llama.context_length", uint32(tinyContext))
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, f.Write(path))
	m, err := model.Load(path)
	require.NoError(t, err)
	d, err := device.Open("cpu", device.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()); require.NoError(t, m.Close()) })
	return &Bench{Model: m, Device: d, Window: 16, CacheDir: t.TempDir(), Note: func(string) {}}
}

// withProfile gives the bench a profile of its model.
func withProfile(t *testing.T, b *Bench) {
	t.Helper()
	windows, err := calibrate.Cut([][]int{mustEncode(t, b, text(1024))}, 2, tinyContext, nil)
	require.NoError(t, err)
	r, err := calibrate.Run(t.Context(), b.Model, windows, calibrate.Options{Bits: 3, Seed: 1, Source: "text"}, func(int, int) {})
	require.NoError(t, err)
	b.Profile = filepath.Join(t.TempDir(), "tiny.safetensors")
	require.NoError(t, r.Profile.Save(b.Profile))
}

// text is a text of about so many tokens of the tiny model.
func text(tokens int) string {
	return strings.Repeat("the king in the ringing inner thing, there. ", tokens/20+1)
}

func corpus(t *testing.T, b *Bench, context, tokens int) *Corpus {
	t.Helper()
	c, err := NewCorpus(b.Model, "king.txt", text(4*tokens), context, tokens)
	require.NoError(t, err)
	return c
}

func methods(t *testing.T, list string) []Method {
	t.Helper()
	m, err := Parse(list)
	require.NoError(t, err)
	return m
}

func options(t *testing.T, b *Bench, list string) Options {
	t.Helper()
	return Options{Methods: methods(t, list), Journal: &Journal{}, Progress: func(string, int, int) {}}
}

func mustEncode(t *testing.T, b *Bench, text string) []int {
	t.Helper()
	tokens, err := b.Model.Tokenizer.Encode(text, false)
	require.NoError(t, err)
	return tokens
}

// sumOf is the log-likelihood of the tokens from one on.
func sumOf(t *testing.T, b *Bench, logits []float32, tokens []int, from int) (sum float64) {
	t.Helper()
	for i := from; i < len(tokens); i++ {
		d, err := model.NewDistribution(logits[(i-1)*b.Model.Vocab : i*b.Model.Vocab])
		require.NoError(t, err)
		sum -= d.NLL(tokens[i])
	}
	return sum
}
