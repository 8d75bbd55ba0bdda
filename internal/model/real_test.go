//go:build model

package model_test

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/sample"
)

// TestRealModel runs with `-tags model` and QAQVK_MODEL naming the file of
// SmolLM2-135M-Instruct Q4_1 that the demo fetches. It fails where that is
// missing or another file.
func TestRealModel(t *testing.T) {
	const checksum = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
	start := time.Now()
	m, err := model.Load(os.Getenv("QAQVK_MODEL"))
	require.NoError(t, err)
	require.Equal(t, checksum, m.SHA256)
	t.Logf("load %v", time.Since(start).Round(time.Millisecond))

	asked, err := m.Tokenizer.Prompt("Explain in a few sentences why the sky is blue.")
	require.NoError(t, err)
	prompt := asked.Tokens
	assert.Equal(t, []int{1, 9690, 198, 2683}, prompt[:4], "<|im_start|>system, newline, You")
	kv := model.NewMemory(m.Config)
	logits, err := m.Forward(prompt, kv)
	require.NoError(t, err)

	// From a float64 forward pass in NumPy over the same weights.
	assert.InDelta(t, -0.40684, logProb(logits, 504), 1e-3)
	assert.InDelta(t, -2.96678, logProb(logits, 33), 1e-3)
	text := generate(t, m, kv, logits, 24)
	assert.True(t, strings.HasPrefix(text, "The sky is blue because of a process called Rayleigh scattering"), text)
}

func TestRealModelSpeed(t *testing.T) {
	m, err := model.Load(os.Getenv("QAQVK_MODEL"))
	require.NoError(t, err)
	kv, tokens := model.NewMemory(m.Config), make([]int, 384)
	for i := range tokens {
		tokens[i] = 500 + 37*i
	}
	start := time.Now()
	var logits []float32
	for at := 0; at < len(tokens); at += 32 {
		logits, err = m.Forward(tokens[at:at+32], kv)
		require.NoError(t, err)
	}
	t.Logf("prefill %.1f tokens/s", float64(len(tokens))/time.Since(start).Seconds())
	start = time.Now()
	generate(t, m, kv, logits, 32)
	t.Logf("decode %.1f tokens/s", 32/time.Since(start).Seconds())
}

// generate continues greedily by n tokens and returns their text.
func generate(t *testing.T, m *model.Model, kv model.KV, logits []float32, n int) string {
	stream, text := m.Tokenizer.Stream(), ""
	for range n {
		token, err := sample.Greedy(logits)
		require.NoError(t, err)
		text += stream.Next(token)
		logits, err = m.Forward([]int{token}, kv)
		require.NoError(t, err)
	}
	return text + stream.Flush()
}

func logProb(logits []float32, token int) float64 {
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l - logits[token]))
	}
	return -math.Log(sum)
}
