package model

import "fmt"

// Memory is a KV of plain f32 rows, attended to on the CPU: the reference for
// every other one. Attention takes QueryHeads·n·T floats more.
type Memory struct {
	config Config
	tokens int
	k, v   [][]float32 // by layer, [T][KVHeads][HeadDim]
	host   Attender
}

// NewMemory returns an empty KV for models of configuration c.
func NewMemory(c Config) *Memory {
	return &Memory{config: c, k: make([][]float32, c.Layers), v: make([][]float32, c.Layers)}
}

// row is the elements of a token's K or V.
func (m *Memory) row() int { return m.config.KVHeads * m.config.HeadDim }

// Tokens implements KV.
func (m *Memory) Tokens() int { return m.tokens }

// Append implements KV; rows of a step that did not complete are overwritten.
func (m *Memory) Append(layer int, k, v []float32) error {
	row := m.row()
	if layer < 0 || layer >= len(m.k) || len(k) != len(v) || len(k)%row != 0 {
		return fmt.Errorf("model: memory: %d and %d elements for layer %d of %d, rows of %d", len(k), len(v), layer, len(m.k), row)
	}
	m.k[layer] = append(m.k[layer][:m.tokens*row], k...)
	m.v[layer] = append(m.v[layer][:m.tokens*row], v...)
	return nil
}

// Attend implements KV.
func (m *Memory) Attend(layer int, q, out []float32, o Attention) error {
	_, err := m.AttendProbs(layer, q, out, o)
	return err
}

// AttendProbs is Attend that returns the probabilities, [n][QueryHeads][T], valid
// until the next call.
func (m *Memory) AttendProbs(layer int, q, out []float32, o Attention) ([]float32, error) {
	if layer < 0 || layer >= len(m.k) {
		return nil, fmt.Errorf("model: memory: layer %d of %d", layer, len(m.k))
	}
	row := m.config.QueryHeads * m.config.HeadDim
	n, tokens := len(q)/row, len(m.k[layer])/m.row()
	if len(q)%row != 0 || len(out) != len(q) || n < 1 || n > tokens {
		return nil, fmt.Errorf("model: memory: %d elements of queries and %d of results for %d tokens, rows of %d", len(q), len(out), tokens, row)
	}
	return m.host.Attend(m.config, o, q, out, m.k[layer], m.v[layer], nil), nil
}

// Step implements KV.
func (m *Memory) Step() error {
	m.tokens = len(m.k[0]) / m.row()
	return nil
}
