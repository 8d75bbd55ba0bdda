package eval

import (
	"context"
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/generate"
	"github.com/qaqvk/qaqvk/internal/model"
)

// paged is a method whose rows lie in pages of a cache on the device.
type paged struct {
	name    string
	alpha   float64
	level   backend.Level
	queries int // n of importance; 0: the default
	window  int // recent window; 0: the bench's
	// policy makes the policy for a model and texts of up to so many tokens.
	policy func(ctx context.Context, b *Bench, tokens int) (policy.Policy, error)
	// profile is that of a model; nil: none.
	profile func(b *Bench) (*profile.Profile, error)
}

// sequences are the most of a cache: what questions follow, a question, an ending.
const sequences = 3

// Name implements Method.
func (p *paged) Name() string { return p.name }

// Open implements Method. Bits are chosen anew after every step, and a step waits
// for it, so that two runs give the same numbers.
func (p *paged) Open(ctx context.Context, b *Bench, tokens int) (Store, error) {
	bits, err := p.policy(ctx, b, tokens)
	if err != nil {
		return nil, err
	}
	window, m := b.Window, b.Model
	if p.window > 0 {
		window = p.window
	}
	calibrated, err := p.calibrated(b)
	if err != nil {
		return nil, err
	}
	step, page := StepTokens, 0
	if b.Late { // all of a question is compressed, nothing of an answer
		step, page, calibrated = maxAnswer, 1, latePages(calibrated)
	}
	cache, err := backend.New(b.Device, backend.Config{
		Layers: m.Layers, KVHeads: m.KVHeads, QueryHeads: m.QueryHeads, HeadDim: m.HeadDim, Capacity: tokens, Sequences: sequences,
		Level: p.level, OutlierFraction: p.alpha, Policy: bits, Recent: window, Queries: p.queries, MaxStepTokens: step, PageTokens: page,
		Synchronous: true, AdaptEvery: 1, HostBudget: math.MaxInt64, Profile: calibrated,
	})
	if err != nil {
		return nil, err
	}
	return &pagedStore{bench: b, cache: cache, queries: p.queries}, nil
}

// calibrated is the method's profile; nil: none.
func (p *paged) calibrated(b *Bench) (*profile.Profile, error) {
	if p.profile == nil {
		return nil, nil
	}
	return p.profile(b)
}

type pagedStore struct {
	bench   *Bench
	cache   *backend.Cache
	queries int
}

// NewText implements Store.
func (s *pagedStore) NewText(ctx context.Context) (Text, error) {
	text, err := s.cache.NewSequence()
	if err != nil {
		return nil, err
	}
	return s.text(ctx, text), nil
}

func (s *pagedStore) text(ctx context.Context, text *backend.Sequence) *pagedText {
	return &pagedText{Store: generate.NewStore(ctx, text), pagedStore: s, text: text}
}

// Close implements Store.
func (s *pagedStore) Close() { s.cache.Close() }

// pagedText is the device's KV whose attention runs on the host.
type pagedText struct {
	*generate.Store
	*pagedStore
	text *backend.Sequence
}

// Attend implements model.KV.
func (t *pagedText) Attend(layer int, q, out []float32, a model.Attention) error {
	if t.bench.Attend {
		return t.Store.Attend(layer, q, out, a)
	}
	k, v, gone, err := t.read(layer, len(q)/(t.bench.Model.QueryHeads*t.bench.Model.HeadDim))
	if err != nil {
		return err
	}
	probs := t.bench.host.Attend(t.bench.Model.Config, a, q, out, k, v, gone)
	return t.Observe(layer, probs, len(q)/(t.bench.Model.QueryHeads*t.bench.Model.HeadDim))
}

// read returns the rows of a layer as they are stored, with those of the step of
// n tokens, and which of them left attention, [T][KVHeads].
func (t *pagedText) read(layer, n int) (k, v []float32, gone []bool, err error) {
	b, need := t.bench, (t.Tokens()+n)*t.bench.Model.KVHeads*t.bench.Model.HeadDim
	b.k, b.v = slices.Grow(b.k[:0], need)[:need], slices.Grow(b.v[:0], need)[:need]
	if _, err := t.text.Read(layer, backend.RowsF32(b.k), backend.RowsF32(b.v)); err != nil {
		return nil, nil, nil, err
	}
	gone, err = t.text.Evicted(layer)
	return b.k, b.v, gone, err
}

// Observe implements Text. Policies that say how many look at the newest queries only.
func (t *pagedText) Observe(layer int, probs []float32, queries int) error {
	heads := t.bench.Model.QueryHeads
	row := len(probs) / queries
	if n := min(queries, t.queries); t.queries > 0 && n < queries {
		probs, queries = probs[(queries-n)*row:], n
	}
	return t.text.Observe(layer, probs, queries, heads)
}

// Fork implements Text.
func (t *pagedText) Fork(ctx context.Context) (Text, error) {
	text, err := t.text.Fork()
	if err != nil {
		return nil, err
	}
	return t.pagedStore.text(ctx, text), nil
}

// Size implements Text.
func (t *pagedText) Size() Size {
	st, m := t.text.Stats(), t.bench.Model
	return Size{Elements: 2 * int64(st.Stored) * int64(m.Layers*m.KVHeads*m.HeadDim), Stored: float64(st.Bytes.Stored),
		F16: st.Bytes.F16, Live: float64(st.Bytes.Live), Paper: float64(st.Bytes.Paper)}
}

// Close implements Text.
func (t *pagedText) Close() error { return t.text.Drop() }
