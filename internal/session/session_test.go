package session

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/generate"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/sample"
	"github.com/qaqvk/qaqvk/internal/report"
)

const contextTokens = 448

// full are options that fill the context of a tiny model.
func full(t *testing.T, generated int) Options {
	f := modeltest.Tiny(1)
	f.Set("llama.context_length", uint32(contextTokens))
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, f.Write(path))
	m, err := model.Load(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	empty, err := m.Tokenizer.Prompt("z")
	require.NoError(t, err)
	return Options{
		Model: path, Tokens: generated, IgnoreEnd: true, CacheDir: t.TempDir(), Policy: "none", Sampling: sample.Options{TopP: 1},
		Prompt: strings.Repeat("z", contextTokens-generated-len(empty.Tokens)+1), // a token a letter
	}
}

func run(t *testing.T, o Options) (*report.Run, error) {
	d, err := device.Open("cpu", device.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return Run(t.Context(), d, o, UI{
		Text: func(string) {}, Progress: func(string, int, int) {}, Note: func(string) {},
		Trace: func(backend.Span) {},
	})
}

func TestWholeContext(t *testing.T) {
	o := full(t, 40)
	o.Compare = true
	r, err := run(t, o)
	require.NoError(t, err)
	require.Equal(t, report.Tokens{Prompt: contextTokens - 40, Generated: 40}, r.Tokens)
	require.InDelta(t, 0, r.Quality.KLD, 1e-4, "only rounding to f16 parts the passes")
	require.Contains(t, r.KernelsMs, "weighted_sum")
	require.NotContains(t, r.KernelsMs, "decode", "no rows come back to the host")

	o.Tokens++
	_, err = run(t, o)
	require.ErrorIs(t, err, generate.ErrTooLong)
}

// A token that ends turns ends the text, though the file names another as its
// end; the report says what became of the prompt.
func TestTurnsEndTexts(t *testing.T) {
	f, path := modeltest.Tiny(1), filepath.Join(t.TempDir(), "tiny.gguf")
	load := func() *model.Model {
		require.NoError(t, f.Write(path))
		m, err := model.Load(path)
		require.NoError(t, err)
		return m
	}
	m := load()
	p, err := m.Tokenizer.Prompt("ab")
	require.NoError(t, err)
	logits, err := m.Forward(p.Tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	first, err := sample.Greedy(logits)
	require.NoError(t, err)

	o := Options{Model: path, Prompt: "ab", Tokens: 5, CacheDir: t.TempDir(), Policy: "none", Sampling: sample.Options{TopP: 1}}
	f.Set("tokenizer.ggml.eos_token_id", uint32(0))
	for _, kv := range f.KVs {
		switch v := kv.Value.(type) {
		case []string:
			if kv.Key == "tokenizer.ggml.tokens" {
				v[first] = "<|eot_id|>"
			}
		case []int32:
			v[first] = 3
		}
	}
	load()
	r, err := run(t, o)
	require.NoError(t, err)
	require.Equal(t, 1, r.Tokens.Generated)
	require.Equal(t, report.Prompt{Bare: "the file has no chat template"}, r.Prompt)

	f.Set("tokenizer.chat_template", "<|im_start|>")
	load()
	r, err = run(t, o)
	require.NoError(t, err)
	require.Equal(t, report.Prompt{Template: "ChatML"}, r.Prompt)
}

func TestGrowthIsLinear(t *testing.T) {
	o := full(t, 300)
	o.Policy, o.Bits, o.Alpha = "uniform", 4, 0.01
	r, err := run(t, o)
	require.NoError(t, err)
	samples := r.Growth.Samples
	require.LessOrEqual(t, len(samples), mostSamples)
	require.Greater(t, len(samples), mostSamples/2)
	require.Equal(t, contextTokens-1, samples[len(samples)-1].Tokens)
	require.Equal(t, r.Bytes.Live, samples[len(samples)-1].Live)
	for i, s := range samples[1:] {
		require.Greater(t, s.Tokens, samples[i].Tokens)
		require.LessOrEqual(t, s.Tokens-samples[i].Tokens, batch, "evenly spread")
	}
	require.Greater(t, r.Growth.R2, 0.98)
	perToken := float64(r.Bytes.F16) / float64(contextTokens-1)
	require.InDelta(t, 0.36, r.Growth.LivePerToken/perToken, 0.05, "4 bits of 16, ranges and outliers")
}

// A run that ends while pipelines are made for it leaves nothing on the device, and takes no
// more of its memory at any time than one that makes them when they are needed.
func TestRehearsalEndsWithTheRunOnVulkan(t *testing.T) {
	o := full(t, 40)
	o.Tokens++
	d, err := device.Open("llvmpipe", device.Options{Validation: true, MinimumLimits: true})
	require.NoError(t, err)
	_, err = Run(t.Context(), d, o, UI{Text: func(string) {}, Progress: func(string, int, int) {}, Note: func(string) {}})
	require.ErrorIs(t, err, generate.ErrTooLong)
	require.Zero(t, d.Stats().LiveBytes)
	require.Zero(t, d.Stats().PeakBytes)
	require.NoError(t, d.Close())
}
