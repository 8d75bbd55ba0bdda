//go:build ggml

package llamatest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/llamatest"
)

const prose = `The harbour lay quiet under a thin fog. Two boats had come in before dawn, and the men were unloading crates of
fish onto the wet stones. A girl with a lantern walked between them and wrote numbers into a small book. "Forty-one," she said,
"and four of cod." The oldest of the men nodded without looking up. He had counted fish here for fifty years, and his count
was never wrong. Behind the sheds a dog barked twice, then the bell of the church began to ring, slow and cracked, as it did
every morning at six. Nobody spoke until it stopped. Then the girl closed the book, blew out the lantern, and went home to
sleep, because she had been awake all night, waiting for the boats.`

const layers = 30

// kld bounds the divergence between two ways to compute the same in floats: llama.cpp's
// own flash attention and its plain one are so far apart.
const kld = 0.004

func TestRowsAsTheyCame(t *testing.T) {
	plain := start(t, "", llamatest.Options{})
	tokens := plain.tokens(prose)
	require.Greater(t, len(tokens), 140)
	want := plain.feed(0, 0, 64, tokens...)
	plain.end()
	slow := start(t, "", llamatest.Options{NoFlash: true})
	other := slow.feed(0, 0, 64, tokens...)
	slow.end()

	p := start(t, "none", llamatest.Options{})
	got := p.feed(0, 0, 64, tokens[:128]...)
	got = append(got, p.feed(0, 128, 1, tokens[128:]...)...)
	assert.Contains(t, p.Log(), "QAQVK KV buffer")
	report := p.end()
	require.Len(t, report, 1)
	steps := int64(2 + len(tokens) - 128)
	assert.Equal(t, 2*layers*steps, report[0].Ops.SetRows)
	assert.Equal(t, layers*steps, report[0].Ops.Attended)
	assert.Zero(t, report[0].Ops.Host)
	assert.Equal(t, len(tokens), report[0].Cache.Tokens)
	t.Logf("divergence from llama.cpp: %.5f, its two attentions: %.5f", llamatest.MeanDivergence(want, got), llamatest.MeanDivergence(want, other))
	assert.Less(t, llamatest.MeanDivergence(want, got), kld)
}
