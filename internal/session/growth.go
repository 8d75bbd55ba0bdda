package session

import (
	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/report"
)

// mostSamples are the most samples of memory of a run.
const mostSamples = 64

// growth samples the memory of a cache while a text grows.
type growth struct {
	cache   *backend.Cache
	every   int // tokens
	samples []report.Sample
}

// newGrowth samples evenly over a text of at most so many tokens.
func newGrowth(cache *backend.Cache, tokens int) *growth {
	return &growth{cache: cache, every: tokens/(mostSamples-1) + 1}
}

// grown samples if the text, now of so many tokens, has grown enough since the
// last sample.
func (g *growth) grown(tokens int) {
	if n := len(g.samples); n == 0 && tokens >= g.every || n > 0 && tokens/g.every > g.samples[n-1].Tokens/g.every {
		g.sample()
	}
}

// finish adds the end and returns what was seen.
func (g *growth) finish() *report.Growth {
	if n := len(g.samples); n == 0 || g.samples[n-1].Tokens < g.cache.Stats().Tokens {
		g.sample()
	}
	return report.NewGrowth(g.samples)
}

func (g *growth) sample() {
	s := g.cache.Stats()
	g.samples = append(g.samples, report.Sample{
		Tokens: s.Tokens, F16: s.Bytes.F16, Live: s.Bytes.Live, Committed: s.Bytes.Committed, Host: s.Bytes.Host,
	})
}
