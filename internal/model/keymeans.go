package model

import (
	"context"
	"fmt"
	"slices"
)

// KeyMeans is the mean key of each head before RoPE.
type KeyMeans struct {
	model *Model
	mean  [][]float32 // by layer, [KVHeads][HeadDim]
}

// MeanKeys runs the tokens through the model and returns the mean keys. It ends
// with ctx's error between two batches.
func MeanKeys(ctx context.Context, m *Model, tokens []int) (*KeyMeans, error) {
	kv := &meanKV{Memory: NewMemory(m.Config), model: m, sum: make([][]float64, m.Layers)}
	for i := range kv.sum {
		kv.sum[i] = make([]float64, m.KVHeads*m.HeadDim)
	}
	for batch := range slices.Chunk(tokens, CalibrationBatch) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("model: mean keys: %w", err)
		}
		if _, err := m.Forward(batch, kv); err != nil {
			return nil, fmt.Errorf("model: mean keys: %w", err)
		}
	}
	out := &KeyMeans{m, make([][]float32, m.Layers)}
	for i, sum := range kv.sum {
		for _, x := range sum {
			out.mean[i] = append(out.mean[i], float32(x/float64(len(tokens))))
		}
	}
	return out, nil
}

// At writes the mean keys of a layer, turned to the position of a token, to dst
// [KVHeads][HeadDim].
func (k *KeyMeans) At(layer, token int, dst []float32) {
	copy(dst, k.mean[layer])
	k.model.turn(dst, token, false)
}

// meanKV sums the keys that are appended to a Memory.
type meanKV struct {
	*Memory
	model *Model
	sum   [][]float64
}

// Append implements KV.
func (m *meanKV) Append(layer int, k, v []float32) error {
	plain, sum := slices.Clone(k), m.sum[layer]
	m.model.turn(plain, m.Tokens(), true)
	for i, x := range plain {
		sum[i%len(sum)] += float64(x)
	}
	return m.Memory.Append(layer, k, v)
}

// turn applies RoPE to keys [n][KVHeads][HeadDim] of tokens from pos on, or takes
// it back.
func (m *Model) turn(keys []float32, pos int, back bool) {
	var a angles
	a.set(m.rope, m.Rope.Magnitude, pos, len(keys)/(m.KVHeads*m.HeadDim))
	if back {
		square := float32(m.Rope.Magnitude * m.Rope.Magnitude)
		for i := range a.sin {
			a.sin[i], a.cos[i] = -a.sin[i]/square, a.cos[i]/square
		}
	}
	a.rotate(keys, m.KVHeads, m.HeadDim, m.Halves)
}
