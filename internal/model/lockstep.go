package model

import (
	"fmt"

	"github.com/qaqvk/qaqvk/internal/model/blas"
)

// Lockstep runs texts side by side, a token of each at a time, so that weights are
// read once for all of them.
type Lockstep struct {
	model  *Model
	texts  int
	tokens int         // of each text
	k, v   [][]float32 // by layer and text, [tokens][KVHeads][D]
	probs  [][]float32 // by text
}

// NewLockstep returns that many empty texts.
func NewLockstep(m *Model, texts int) *Lockstep {
	return &Lockstep{
		model: m, texts: texts, probs: make([][]float32, texts),
		k: make([][]float32, m.Layers*texts), v: make([][]float32, m.Layers*texts),
	}
}

// Step appends a token to each text and returns the logits after it, [texts][Vocab].
func (l *Lockstep) Step(tokens []int) ([]float32, error) {
	m, n := l.model, l.texts
	if len(tokens) != n {
		return nil, fmt.Errorf("model: %d tokens for %d texts: %w", len(tokens), n, ErrToken)
	}
	if err := m.check(tokens[:1], l.tokens); err != nil {
		return nil, err
	}
	s := m.scratch.resize(m.Config, n)
	if err := m.embed(tokens); err != nil {
		return nil, err
	}
	s.angles.setAll(m.rope, m.Rope.Magnitude, l.tokens, n)
	for i := range m.layers {
		if err := m.attend(i, lockstepKV{l}, n, l.tokens, nil); err != nil {
			return nil, fmt.Errorf("model: layer %d: %w", i, err)
		}
		if err := m.feed(&m.layers[i], n); err != nil {
			return nil, fmt.Errorf("model: layer %d: %w", i, err)
		}
	}
	l.tokens++
	return m.logits(n, n)
}

// lockstepKV is a KV whose batch is a token of each text.
type lockstepKV struct{ *Lockstep }

// Tokens implements KV.
func (l lockstepKV) Tokens() int { return l.tokens }

// Step implements KV.
func (l lockstepKV) Step() error { return nil }

// Append implements KV.
func (l lockstepKV) Append(layer int, k, v []float32) error {
	row := l.model.KVHeads * l.model.HeadDim
	for i := range l.texts {
		at := layer*l.texts + i
		l.k[at] = append(l.k[at], k[i*row:(i+1)*row]...)
		l.v[at] = append(l.v[at], v[i*row:(i+1)*row]...)
	}
	return nil
}

// Attend implements KV.
func (l lockstepKV) Attend(layer int, q, out []float32, o Attention) error {
	c := l.model.Config
	row, seen := c.QueryHeads*c.HeadDim, l.tokens+1
	blas.Parallel(l.texts, func(i int) {
		l.probs[i] = grow(l.probs[i], c.QueryHeads*seen)
		at, from, to := layer*l.texts+i, i*row, (i+1)*row
		a := attention{c, o, q[from:to], out[from:to], l.k[at], l.v[at], l.probs[i], nil, 1, seen}
		a.run()
	})
	return nil
}
