package model

import (
	"errors"
	"fmt"
)

// ErrContext says that a batch does not fit in the model's context.
var ErrContext = errors.New("context is full")

// ErrToken says that a token is not in the vocabulary.
var ErrToken = errors.New("no such token")

// ErrFinite says that the model computes values that are not finite, as damaged
// weights do.
var ErrFinite = errors.New("values are not finite")

// Forward runs a batch of tokens that follow those in kv and returns the logits
// of the token after the last, [Vocab]. On an error, kv may hold rows of a step
// that did not complete.
func (m *Model) Forward(tokens []int, kv KV) ([]float32, error) {
	return m.run(tokens, kv, 1, nil)
}

// ForwardAll is Forward with the logits after every token, [n][Vocab].
func (m *Model) ForwardAll(tokens []int, kv KV) ([]float32, error) {
	return m.run(tokens, kv, len(tokens), nil)
}

// queryFunc sees the queries of a layer after RoPE, [n][QueryHeads][HeadDim].
type queryFunc func(layer int, q []float32)

// run computes the logits of the last tokens of the batch.
func (m *Model) run(tokens []int, kv KV, last int, onQuery queryFunc) ([]float32, error) {
	n, pos := len(tokens), kv.Tokens()
	if err := m.check(tokens, pos); err != nil {
		return nil, err
	}
	s := m.scratch.resize(m.Config, n)
	if err := m.embed(tokens); err != nil {
		return nil, err
	}
	s.angles.set(m.rope, m.Rope.Magnitude, pos, n)
	for i := range m.layers {
		if err := m.attend(i, kv, n, pos, onQuery); err != nil {
			return nil, fmt.Errorf("model: layer %d: %w", i, err)
		}
		if err := m.feed(&m.layers[i], n); err != nil {
			return nil, fmt.Errorf("model: layer %d: %w", i, err)
		}
	}
	logits, err := m.logits(n, last)
	if err != nil {
		return nil, err
	}
	if err := kv.Step(); err != nil {
		return nil, fmt.Errorf("model: step at token %d: %w", pos, err)
	}
	return logits, nil
}

func (m *Model) check(tokens []int, pos int) error {
	if len(tokens) == 0 {
		return fmt.Errorf("model: empty batch: %w", ErrToken)
	}
	if pos+len(tokens) > m.Context {
		return fmt.Errorf("model: %d tokens after %d exceed the model's %d: %w", len(tokens), pos, m.Context, ErrContext)
	}
	for _, token := range tokens {
		if token < 0 || token >= m.Vocab {
			return fmt.Errorf("model: token %d of a vocabulary of %d: %w", token, m.Vocab, ErrToken)
		}
	}
	return nil
}

// embed begins the residual stream s.x with the tokens' embeddings.
func (m *Model) embed(tokens []int) error {
	s := &m.scratch
	for i, token := range tokens {
		if err := m.embedding.read(s.x[i*m.Width:(i+1)*m.Width], token); err != nil {
			return err
		}
	}
	scale(s.x, m.EmbeddingScale)
	return nil
}

// attend adds the attention block's output to the residual stream s.x.
func (m *Model) attend(i int, kv KV, n, pos int, onQuery queryFunc) error {
	s, w := &m.scratch, &m.layers[i]
	rmsNorm(s.norm, s.x, w.attentionNorm, m.Epsilon)
	rows := (m.QueryHeads + 2*m.KVHeads) * m.HeadDim
	if err := w.qkv.apply(s.qkv, s.norm, n, 1, 0); err != nil {
		return err
	}
	addBias(s.qkv, w.qkvBias, 1)
	// A cache may take such values for zeros, and the damage would not show.
	if at := notFinite(s.qkv); at >= 0 {
		return fmt.Errorf("query, key or value %v of token %d: %w", s.qkv[at], pos+at/rows, ErrFinite)
	}
	s.split(m.Config, n)
	s.angles.rotate(s.q, m.QueryHeads, m.HeadDim, m.Halves)
	s.angles.rotate(s.k, m.KVHeads, m.HeadDim, m.Halves)
	if onQuery != nil {
		onQuery(i, s.q)
	}
	if err := kv.Append(i, s.k, s.v); err != nil {
		return fmt.Errorf("append %d tokens: %w", n, err)
	}
	if err := kv.Attend(i, s.q, s.mixed, m.Attention(i)); err != nil {
		return fmt.Errorf("attend with %d queries after %d tokens: %w", n, pos, err)
	}
	addBias(s.x, w.outBias, m.ResidualScale)
	return w.out.apply(s.x, s.mixed, n, m.ResidualScale, 1)
}

// feed adds the feed-forward block's output to the residual stream s.x.
func (m *Model) feed(w *layer, n int) error {
	s := &m.scratch
	rmsNorm(s.norm, s.x, w.hiddenNorm, m.Epsilon)
	if err := w.gateUp.apply(s.gateUp, s.norm, n, 1, 0); err != nil {
		return err
	}
	swiGLU(s.hidden, s.gateUp, m.Hidden)
	return w.down.apply(s.x, s.hidden, n, m.ResidualScale, 1)
}

// logits returns the logits of the last tokens of a batch of n.
func (m *Model) logits(n, last int) ([]float32, error) {
	s := &m.scratch
	from, to := (n-last)*m.Width, n*m.Width
	rmsNorm(s.norm[from:to], s.x[from:to], m.outputNorm, m.Epsilon)
	out := make([]float32, last*m.Vocab)
	if err := m.output.apply(out, s.norm[from:to], last, 1/m.LogitScale, 0); err != nil {
		return nil, err
	}
	softCap(out, m.LogitSoftCap)
	return out, nil
}
