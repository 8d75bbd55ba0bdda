package model

import (
	"fmt"
	"slices"
)

// Differentiator computes gradients of the log-likelihood of labels with respect
// to the keys and values of a window of tokens: Forward, then Backward.
//
// A gradient says what happens to the sum of the log-likelihoods when queries at
// least Distance tokens later read another row, with all that follows from it in
// later layers, and nearer queries read the row as it was.
type Differentiator struct {
	Distance int // least tokens between a key and the queries that count; 0: all
	// Attended, where not nil, is told how much attention the tokens of a layer
	// got from AttendedBlock queries: the sums over queries and query heads of their
	// shares p²/Σp², [tokens up to the block's last].
	Attended func(layer int, shares []float32)

	model  *Model
	tokens []int
	tape   []taped
	attend headGradients
}

// taped is what the backward pass needs of a layer.
type taped struct {
	x, middle []float32 // residual stream before the layer and between its blocks
	q, k, v   []float32 // after RoPE, [n][heads][D]
}

// LayerGradients are the rows of a layer and the gradients of the log-likelihood.
// They are valid during the call that they are given to.
type LayerGradients struct {
	Layer        int
	Q            []float32 // [n][QueryHeads][D], after RoPE
	K, V         []float32 // [n][KVHeads][D], keys after RoPE
	GradK, GradV []float32 // [n][KVHeads][D], nats
}

// NewDifferentiator returns one for a model; both serve one window at a time.
func NewDifferentiator(m *Model) *Differentiator {
	return &Differentiator{model: m, tape: make([]taped, m.Layers)}
}

// Forward runs a window of tokens from an empty cache. Of a layer, visit is told
// the rows, no gradients; it may be nil.
func (d *Differentiator) Forward(tokens []int, visit func(LayerGradients)) error {
	m, n := d.model, len(tokens)
	if err := m.check(tokens, 0); err != nil {
		return err
	}
	if err := d.fits(n); err != nil {
		return err
	}
	d.tokens = slices.Clone(tokens)
	s := m.scratch.resize(m.Config, n)
	if err := m.embed(tokens); err != nil {
		return err
	}
	s.angles.set(m.rope, m.Rope.Magnitude, 0, n)
	for i := range m.layers {
		t := &d.tape[i]
		t.x = append(t.x[:0], s.x...)
		if err := m.attend(i, tapeKV{d}, n, 0, nil); err != nil {
			return fmt.Errorf("model: layer %d: %w", i, err)
		}
		t.middle = append(t.middle[:0], s.x...)
		if err := m.feed(&m.layers[i], n); err != nil {
			return fmt.Errorf("model: layer %d: %w", i, err)
		}
		if visit != nil {
			visit(LayerGradients{Layer: i, Q: t.q, K: t.k, V: t.v})
		}
	}
	return nil
}

// fits fails with ErrMemory where a window of n tokens does not fit beside the model.
func (d *Differentiator) fits(n int) error {
	p := d.model.Footprint
	need := d.model.gradientBytes(n, d.Distance)
	if p.Host.Known && need > p.Host.Memory-p.Need() {
		return fmt.Errorf("model: gradients of %d tokens need %s beside the model's %s, %s: %w", n, mebibytes(need), mebibytes(p.Need()), p.Host, ErrMemory)
	}
	return nil
}

// gradientBytes returns the bytes that a Differentiator takes for n tokens.
func (c Config) gradientBytes(n, distance int) int64 {
	q, kv, rows := c.QueryHeads*c.HeadDim, c.KVHeads*c.HeadDim, min(queryRows, n)
	taped := c.Layers * n * (2*c.Width + q + 2*kv)
	activations := n * (5*c.Width + 6*q + 12*kv + 4*c.Hidden)
	head := 3*rows*n + 2*queryRows*(rows+distance) + 4*n*c.HeadDim + (n/AttendedBlock+1)*n
	return 4 * (int64(taped) + int64(activations) + int64(c.QueryHeads)*int64(head) + 2*logitRows*int64(c.Vocab))
}

// tapeKV keeps the rows of each layer on the tape and attends to them.
type tapeKV struct{ d *Differentiator }

func (t tapeKV) Tokens() int { return 0 }
func (t tapeKV) Step() error { return nil }

func (t tapeKV) Append(layer int, k, v []float32) error {
	l := &t.d.tape[layer]
	l.k, l.v = append(l.k[:0], k...), append(l.v[:0], v...)
	return nil
}

func (t tapeKV) Attend(layer int, q, out []float32, a Attention) error {
	l := &t.d.tape[layer]
	l.q = append(l.q[:0], q...)
	g := t.d.attend.reset(t.d.model.Config, a, len(t.d.tokens), t.d.Distance, l)
	g.forward(out, t.d.Attended != nil)
	if t.d.Attended != nil {
		g.tell(layer, t.d.Attended)
	}
	return nil
}
