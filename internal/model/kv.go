package model

import "fmt"

// KV stores keys and values for Forward. All calls come from the goroutine that
// called Forward, layer after layer: Append, Read, Observe, and Step at the end.
type KV interface {
	// Tokens returns the number of tokens of complete steps, the position of
	// the next token.
	Tokens() int
	// Append takes the batch's rows k and v [n][KVHeads][HeadDim], k after
	// RoPE. They are valid during the call.
	Append(layer int, k, v []float32) error
	// Read returns the rows of all tokens, [tokens][KVHeads][HeadDim], those of
	// the batch included. They are valid until the next call.
	Read(layer int) (k, v []float32, tokens int, err error)
	// Observe takes the attention probabilities [queries][QueryHeads][tokens],
	// zero for tokens behind the query. They are valid during the call.
	Observe(layer int, probs []float32, queries, tokens int) error
	// Step says that all layers of the batch are in.
	Step() error
}

// Memory is a KV of plain f32 rows.
type Memory struct {
	row    int // KVHeads*HeadDim
	tokens int
	k, v   [][]float32
}

// NewMemory returns an empty KV for models of configuration c.
func NewMemory(c Config) *Memory {
	return &Memory{row: c.KVHeads * c.HeadDim, k: make([][]float32, c.Layers), v: make([][]float32, c.Layers)}
}

// Tokens implements KV.
func (m *Memory) Tokens() int { return m.tokens }

// Append implements KV; rows of a step that did not complete are overwritten.
func (m *Memory) Append(layer int, k, v []float32) error {
	if layer < 0 || layer >= len(m.k) || len(k) != len(v) || len(k)%m.row != 0 {
		return fmt.Errorf("model: memory: %d and %d elements for layer %d of %d, rows of %d", len(k), len(v), layer, len(m.k), m.row)
	}
	m.k[layer] = append(m.k[layer][:m.tokens*m.row], k...)
	m.v[layer] = append(m.v[layer][:m.tokens*m.row], v...)
	return nil
}

// Read implements KV.
func (m *Memory) Read(layer int) (k, v []float32, tokens int, err error) {
	if layer < 0 || layer >= len(m.k) {
		return nil, nil, 0, fmt.Errorf("model: memory: layer %d of %d", layer, len(m.k))
	}
	return m.k[layer], m.v[layer], len(m.k[layer]) / m.row, nil
}

// Observe implements KV and does nothing.
func (m *Memory) Observe(int, []float32, int, int) error { return nil }

// Step implements KV.
func (m *Memory) Step() error {
	m.tokens = len(m.k[0]) / m.row
	return nil
}
