package calibrate

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model"
)

// Options say how to calibrate.
type Options struct {
	Bits float64 // stored bits an element wanted, of whole pages
	Seed uint64  // of the labels
	// ForwardOnly leaves the gradients out. Errors of keys then cost what queries
	// make of them, those of values all the same, and every layer and head counts the
	// same: much weaker.
	ForwardOnly bool
	Source      string // what the text is, in words
}

// Result is a profile and what calibration measured.
type Result struct {
	Profile *profile.Profile
	Tokens  int     // of all windows
	NLL     float64 // mean negative log-likelihood of the windows' tokens, nats; 0 without gradients
	Bits    float64 // stored bits an element on the windows, of whole pages
	Raw     float64 // share of stored tokens that are raw
}

// Run calibrates on windows of tokens and tells progress after each. It ends with
// ctx's error between two windows.
func Run(ctx context.Context, m *model.Model, windows [][]int, o Options, progress func(done, all int)) (*Result, error) {
	c, err := newCollector(m, windows, o)
	if err != nil {
		return nil, err
	}
	for i, window := range windows {
		progress(i, len(windows))
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("calibrate: window %d of %d: %w", i, len(windows), err)
		}
		if err := c.window(uint64(i), window); err != nil {
			return nil, fmt.Errorf("calibrate: window %d of %d: %w", i, len(windows), err)
		}
	}
	progress(len(windows), len(windows))
	r, err := c.result(o)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	return r, nil
}

// collector takes the statistics of windows.
type collector struct {
	model  *model.Model
	rope   profile.RoPE
	setup  profile.Importance
	pass   *model.Differentiator
	heads  []*moments // [2][Layers][KVHeads]
	levels []*levels  // [Layers]
	seed   uint64
	plain  bool // no gradients

	tokens, windows int
	nll             float64
}

func newCollector(m *model.Model, windows [][]int, o Options) (*collector, error) {
	c := &collector{
		model: m, rope: profile.RoPE{Halves: m.Halves, Speeds: m.RopeSpeeds()}, setup: profile.DefaultImportance(),
		pass: model.NewDifferentiator(m), seed: o.Seed, plain: o.ForwardOnly,
	}
	most := 0
	for _, w := range windows {
		most = max(most, len(w))
	}
	if most < leastWindow {
		return nil, fmt.Errorf("calibrate: longest window has %d tokens, at least %d: %w", most, leastWindow, ErrText)
	}
	c.pass.Distance = c.setup.Recent
	turns := newTurns(c.rope, most)
	for i := range 2 * m.Layers * m.KVHeads {
		h := newMoments(m.HeadDim, len(windows)*most)
		h.plain = o.ForwardOnly
		if i < m.Layers*m.KVHeads {
			h.turns = turns
		}
		c.heads = append(c.heads, h)
	}
	for range m.Layers {
		c.levels = append(c.levels, newLevels(c.setup, m.QueryHeads))
	}
	c.pass.Attended = func(layer int, shares []float32) { c.levels[layer].add(shares) }
	return c, nil
}

// window adds a window of tokens.
func (c *collector) window(number uint64, tokens []int) error {
	for _, l := range c.levels {
		l.begin(len(tokens))
	}
	c.windows++
	c.tokens += len(tokens)
	if c.plain {
		return c.pass.Forward(tokens, func(g model.LayerGradients) { c.add(g, len(tokens)) })
	}
	if err := c.pass.Forward(tokens, nil); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(c.seed, number))
	nll, err := c.pass.Backward(func(_ int, p []float32) int { return draw(r.Float64(), p) },
		func(g model.LayerGradients) { c.add(g, len(tokens)) })
	c.nll += nll
	return err
}

// draw returns the token at which the probabilities so far reach u.
func draw(u float64, probabilities []float32) int {
	var sum float64
	for i, p := range probabilities {
		if sum += float64(p); sum > u {
			return i
		}
	}
	return len(probabilities) - 1
}

// add gives each KV head its rows and gradients, but for the first tokens, which
// are kept raw, and the last, which no query reads from far enough.
func (c *collector) add(g model.LayerGradients, n int) {
	m := c.model
	heads := m.KVHeads
	parallelHeads(2*heads, func(i int) {
		rows, gradients := g.K, g.GradK
		if i >= heads {
			rows, gradients = g.V, g.GradV
		}
		h := c.heads[(i/heads*m.Layers+g.Layer)*heads+i%heads]
		h.add(rows[i%heads*m.HeadDim:], headOf(gradients, i%heads*m.HeadDim), heads*m.HeadDim, c.setup.First, n-c.setup.Recent)
		if c.plain && i < heads {
			for q := i * m.Group(); q < (i+1)*m.Group(); q++ {
				h.outer(h.fisher, gather(g.Q[q*m.HeadDim:], m.QueryHeads*m.HeadDim, 0, n, m.HeadDim))
			}
		}
	})
}

// headOf is rows from an offset on; none where there are no rows.
func headOf(rows []float32, at int) []float32 {
	if rows == nil {
		return nil
	}
	return rows[at:]
}

// result makes the profile of all that was added.
func (c *collector) result(o Options) (*Result, error) {
	m := c.model
	p := profile.New(policy.Shape{Layers: m.Layers, KVHeads: m.KVHeads, HeadDim: m.HeadDim})
	p.RoPE, p.Source, p.Importance = c.rope, o.Source, c.setup
	var err error
	if p.Model, err = m.Fingerprint(); err != nil {
		return nil, err
	}
	if err := c.transforms(p); err != nil {
		return nil, err
	}
	c.codebook(&p.Codebook, p)
	r := &Result{Tokens: c.tokens, NLL: c.nll / float64(c.windows)}
	if r.Raw, err = c.use(p.Use); err != nil {
		return nil, err
	}
	if r.Profile, err = p.ForBits(o.Bits); err != nil {
		return nil, err
	}
	r.Bits = r.Profile.Bits()
	return r, r.Profile.Validate()
}
