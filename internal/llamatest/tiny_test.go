//go:build ggml

package llamatest_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// tinyFloats is a random model whose weights are floats, so that nothing but attention
// differs between two ways to compute it.
func tinyFloats(t *testing.T) string { return tinyFile(t, func(*modeltest.File) {}) }

// tinyBiased is tinyFloats with a bias of so much, one sign or the other, in the keys'
// elements that RoPE turns least, as in Qwen2.
func tinyBiased(t *testing.T, bias float64) string {
	return tinyFile(t, func(f *modeltest.File) {
		for l := range modeltest.Layers {
			f.Tensors = append(f.Tensors, modeltest.Tensor{Name: fmt.Sprintf("blk.%d.attn_k.bias", l), Type: uint32(quant.F32),
				Dims: []int{modeltest.KVHeads * modeltest.HeadDim}, Data: keyBias(bias)})
		}
	})
}

// tinyFile is tinyFloats with something changed.
func tinyFile(t *testing.T, change func(f *modeltest.File)) string {
	f, r := modeltest.Tiny(3), rand.New(rand.NewPCG(8, 9))
	for i := range f.Tensors {
		x := &f.Tensors[i]
		elements := 1
		for _, d := range x.Dims {
			elements *= d
		}
		x.Type, x.Data = uint32(quant.F32), modeltest.Random(r, quant.F32, elements, len(x.Dims) == 1)
	}
	f.Set("llama.context_length", uint32(512))
	change(f)
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, f.Write(path))
	return path
}

// keyBias is the bias of the keys of a layer.
func keyBias(bias float64) (out []byte) {
	for i := range modeltest.KVHeads * modeltest.HeadDim {
		x := 0.0
		if i%modeltest.HeadDim >= modeltest.HeadDim-8 {
			x = bias * float64(1-2*(i%3%2))
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(x)))
	}
	return out
}

// profileOf makes the profile of a model as qaqvk calibrate does.
func profileOf(t *testing.T, path string) string {
	m, err := model.Load(path)
	require.NoError(t, err)
	defer m.Close()
	tokens, err := m.Tokenizer.Encode(prose, false)
	require.NoError(t, err)
	windows, err := calibrate.Cut([][]int{tokens}, 2, 256, m.Tokenizer.Begin())
	require.NoError(t, err)
	r, err := calibrate.Run(context.Background(), m, windows, calibrate.Options{Bits: 2.5, Seed: 1}, func(int, int) {})
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "p.safetensors")
	require.NoError(t, r.Profile.Save(out))
	return out
}
