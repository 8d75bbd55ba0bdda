package calibrate

import (
	"context"
	"fmt"
	"math/rand/v2"

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
	r, err := newRun(m, windows, o)
	if err != nil {
		return nil, err
	}
	for i, window := range windows {
		progress(i, len(windows))
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("calibrate: window %d of %d: %w", i, len(windows), err)
		}
		if err := r.window(uint64(i), window); err != nil {
			return nil, fmt.Errorf("calibrate: window %d of %d: %w", i, len(windows), err)
		}
	}
	progress(len(windows), len(windows))
	fingerprint, err := m.Fingerprint()
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	out, err := r.Result(o, fingerprint)
	if err != nil {
		return nil, err
	}
	out.NLL = r.nll / float64(len(windows))
	return out, nil
}

// run runs windows through a model and gives a Collector its rows.
type run struct {
	*Collector
	pass *model.Differentiator
	seed uint64 // of the labels
	nll  float64
}

func newRun(m *model.Model, windows [][]int, o Options) (*run, error) {
	most := 0
	for _, w := range windows {
		most = max(most, len(w))
	}
	c, err := NewCollector(Setup{
		Layers: m.Layers, KVHeads: m.KVHeads, QueryHeads: m.QueryHeads, HeadDim: m.HeadDim,
		RoPE: profile.RoPE{Halves: m.Halves, Speeds: m.RopeSpeeds()}, Window: most, Context: m.Context, Rows: len(windows) * most, ForwardOnly: o.ForwardOnly,
	})
	if err != nil {
		return nil, err
	}
	r := &run{Collector: c, pass: model.NewDifferentiator(m), seed: o.Seed}
	r.pass.Distance, r.pass.Attended = c.importance.Recent, c.Attended
	return r, nil
}

// window adds a window of tokens.
func (r *run) window(number uint64, tokens []int) error {
	if err := r.Begin(len(tokens)); err != nil {
		return err
	}
	if r.setup.ForwardOnly {
		return r.pass.Forward(tokens, r.Add)
	}
	if err := r.pass.Forward(tokens, nil); err != nil {
		return err
	}
	labels := rand.New(rand.NewPCG(r.seed, number))
	nll, err := r.pass.Backward(func(_ int, p []float32) int { return draw(labels.Float64(), p) }, r.Add)
	r.nll += nll
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
