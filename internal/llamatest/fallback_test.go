//go:build ggml

package llamatest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/qaqvk/qaqvk/internal/llamatest"
)

// floats bounds the divergence of a model whose weights are floats.
const floats = 1e-5

// What the cache cannot hold is computed from memory, and said.
func TestFallback(t *testing.T) {
	tiny := tinyFloats(t)
	for name, c := range map[string]struct {
		o    llamatest.Options
		said string
	}{
		"no flash attention": {llamatest.Options{NoFlash: true}, "flash attention is off"},
		"quantized keys":     {llamatest.Options{TypeK: "q8_0"}, "tensor cache_k_l0 is not f16"},
		"keys of f32":        {llamatest.Options{TypeK: "f32", TypeV: "f32"}, "tensor cache_k_l0 is not f16"},
		"shared stream":      {llamatest.Options{Unified: true, Sequences: 2}, "share the cells"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Model = tiny
			want, _ := talk(start(t, "", c.o), c.o.Sequences)
			got, log := talk(start(t, "none", c.o, "QAQVK_DEVICE=cpu"), c.o.Sequences)
			assert.Contains(t, log, c.said)
			assert.Less(t, llamatest.MeanDivergence(want, got), floats)
		})
	}
}

// talk reads a text, and where there are two sequences another one between its lines.
func talk(p *process, sequences int) (logits [][]float32, log string) {
	tokens := p.tokens(prose)
	for at := 0; at < 60; at += 20 {
		logits = append(logits, p.feed(0, at, 10, tokens[at:at+20]...)...)
		if sequences > 1 {
			logits = append(logits, p.feed(1, at, 10, tokens[60+at:80+at]...)...)
		}
	}
	p.end()
	return logits, p.Log()
}

// Attention to tokens that come later.
func TestNotCausal(t *testing.T) {
	o := llamatest.Options{Model: tinyFloats(t)}
	read := func(policy string) ([][]float32, string) {
		p := start(t, policy, o, "QAQVK_DEVICE=cpu")
		tokens := p.tokens(prose)
		logits := p.feed(0, 0, 20, tokens[:20]...)
		p.call("causal", 0)
		logits = append(logits, p.feed(0, 20, 20, tokens[20:40]...)...)
		p.call("causal", 1)
		logits = append(logits, p.feed(0, 40, 20, tokens[40:60]...)...)
		p.end()
		return logits, p.Log()
	}
	want, _ := read("")
	got, log := read("none")
	assert.Contains(t, log, "not those of a text")
	assert.Less(t, llamatest.MeanDivergence(want, got), floats)
}
