package model

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

func TestMeanKeysAreThoseBeforeRoPE(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, modeltest.Tiny(1).Write(path))
	m, err := Load(path)
	require.NoError(t, err)
	defer m.Close()
	// The same token again and again has the same key before RoPE in layer 0.
	same := make([]int, 40)
	for i := range same {
		same[i] = 70
	}
	means, err := MeanKeys(t.Context(), m, same)
	require.NoError(t, err)
	kv := NewMemory(m.Config)
	_, err = m.Forward(same, kv)
	require.NoError(t, err)
	row, at := m.KVHeads*m.HeadDim, make([]float32, m.KVHeads*m.HeadDim)
	for _, token := range []int{0, 1, 39} {
		means.At(0, token, at)
		require.InDeltaSlice(t, kv.k[0][token*row:(token+1)*row], at, 1e-4, "token %d", token)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = MeanKeys(ctx, m, same)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAttenderLeavesRowsOut(t *testing.T) {
	c := Config{QueryHeads: 2, KVHeads: 2, HeadDim: 2}
	q, k := []float32{1, 0, 1, 0}, []float32{0, 0, 0, 0, 9, 0, 9, 0, 0, 0, 0, 0}
	v, out := []float32{1, 2, 1, 2, 100, 100, 100, 100, 3, 4, 3, 4}, make([]float32, 4)
	var a Attender
	probs := a.Attend(c, Attention{}, q, out, k, v, []bool{false, false, true, false, false, false})
	require.InDeltaSlice(t, []float32{0.5, 0, 0.5}, probs[:3], 1e-6)
	require.InDeltaSlice(t, []float32{2, 3}, out[:2], 1e-6)
	require.Greater(t, probs[4], float32(0.9), "head 1 sees the row")
	require.Greater(t, out[2], float32(90))
}
