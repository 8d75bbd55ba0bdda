package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
)

func TestLoadReadsTheShape(t *testing.T) {
	m := load(t, modeltest.Tiny(1))
	assert.Equal(t, model.Config{
		Arch: "llama", Layers: 2, Width: 256, Hidden: 256, QueryHeads: 4, KVHeads: 2, HeadDim: 64,
		Vocab: 265, Context: 96, Epsilon: 1e-5, EmbeddingScale: 1, ResidualScale: 1, LogitScale: 1,
		Rope: model.Rope{Dims: 64, Base: 10000, Scale: 1, Magnitude: 1},
	}, m.Config)
	assert.Equal(t, 2, m.Group())
	assert.Equal(t, 265, m.Tokenizer.Size())
	assert.Len(t, m.SHA256, 64)
	assert.True(t, m.Tokenizer.Ends(2))
	assert.False(t, m.Tokenizer.Ends(-1))
}

// Open reads what is known before the weights are, and all that Load refuses but for
// tokenizers and weights that are not finite.
func TestOpenThenLoadWeights(t *testing.T) {
	path := write(t, modeltest.Tiny(1))
	whole, err := model.Load(path)
	require.NoError(t, err)
	defer whole.Close()
	m, err := model.Open(path)
	require.NoError(t, err)
	defer m.Close()
	assert.Equal(t, whole.Config, m.Config)
	assert.Equal(t, whole.RopeSpeeds(), m.RopeSpeeds())
	assert.Nil(t, m.Tokenizer)
	want, err := whole.Fingerprint()
	require.NoError(t, err)
	got, err := m.Fingerprint()
	require.NoError(t, err)
	assert.Equal(t, want, got)
	require.NoError(t, m.LoadWeights())
	assert.Equal(t, whole.SHA256, m.SHA256)
	logits := func(m *model.Model) []float32 {
		out, err := m.Forward([]int{1, 5, 9}, model.NewMemory(m.Config))
		require.NoError(t, err)
		return out
	}
	assert.Equal(t, logits(whole), logits(m))
}

func TestLoadRejects(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(f *modeltest.File)
		want error
		text string
	}{
		{"architecture", func(f *modeltest.File) { f.Set("general.architecture", "mamba") }, model.ErrUnsupported, `architecture "mamba" (known: llama, qwen2)`},
		{"no architecture", func(f *modeltest.File) { f.Set("general.architecture", nil) }, model.ErrUnsupported, `architecture ""`},
		{"no layers", func(f *modeltest.File) { f.Set("llama.block_count", nil) }, gguf.ErrKey, "llama.block_count is 0 or missing"},
		{"layers as text", func(f *modeltest.File) { f.Set("llama.block_count", "2") }, gguf.ErrKey, "llama.block_count is no whole number"},
		{"too many layers", func(f *modeltest.File) { f.Set("llama.block_count", uint32(1<<30)) }, gguf.ErrTensor, "1073741824 layers but 20 tensors"},
		{"one layer more", func(f *modeltest.File) { f.Set("llama.block_count", uint32(3)) }, gguf.ErrTensor, `no tensor "blk.2.attn_norm.weight"`},
		{"one layer less", func(f *modeltest.File) { f.Set("llama.block_count", uint32(1)) }, model.ErrUnsupported, `tensor "blk.1.attn_k.weight" has no use`},
		{"heads", func(f *modeltest.File) { f.Set("llama.attention.head_count_kv", uint32(3)) }, model.ErrUnsupported, "4 query heads for 3 KV heads"},
		{"value length", func(f *modeltest.File) { f.Set("llama.attention.value_length", uint32(32)) }, model.ErrUnsupported, "keys of 64 and values of 32"},
		{"experts", func(f *modeltest.File) { f.Set("llama.expert_count", uint32(8)) }, model.ErrUnsupported, "mixture of 8 experts"},
		{"rope scaling", func(f *modeltest.File) { f.Set("llama.rope.scaling.type", "longrope") }, model.ErrUnsupported, `RoPE scaling "longrope" (known: none, linear, llama3, yarn)`},
		{"rope dims", func(f *modeltest.File) { f.Set("llama.rope.dimension_count", uint32(66)) }, model.ErrUnsupported, "RoPE over 66 of 64"},
		{"rope base", func(f *modeltest.File) { f.Set("llama.rope.freq_base", float32(-1)) }, model.ErrUnsupported, "RoPE base -1"},
		{"rope factor", func(f *modeltest.File) {
			f.Tensors = append(f.Tensors, modeltest.Tensor{Name: "rope_freqs.weight", Dims: []int{32}, Data: f32(0, 32)})
		}, gguf.ErrTensor, "rope_freqs.weight[0] is 0"},
		{"missing tensor", func(f *modeltest.File) { f.Remove("blk.1.ffn_up.weight") }, gguf.ErrTensor, `no tensor "blk.1.ffn_up.weight"`},
		{"missing embedding", func(f *modeltest.File) { f.Remove("token_embd.weight") }, gguf.ErrTensor, `no tensor "token_embd.weight"`},
		{"shape", func(f *modeltest.File) { f.Tensor("blk.0.attn_k.weight").Dims = []int{128, 256} }, gguf.ErrTensor, "has shape [128 256], want [256 128]"},
		{"half a bias", func(f *modeltest.File) { f.Add(1, "blk.0.attn_q.bias", quant.F32, 256) }, gguf.ErrTensor, `no tensor "blk.0.attn_k.bias"`},
		{"weight type", func(f *modeltest.File) { f.Tensor("blk.0.attn_k.weight").Type = 10 }, quant.ErrType, "Q2_K: unsupported weight type (supported: F32"},
		{"tokenizer", func(f *modeltest.File) { f.Set("tokenizer.ggml.model", "llama") }, tokenizer.ErrUnsupported, `model "llama"`},
		{"pre-tokenizer", func(f *modeltest.File) { f.Set("tokenizer.ggml.pre", "x") }, tokenizer.ErrUnsupported, `pre-tokenizer "x" (known:`},
		{"token type", func(f *modeltest.File) { f.Set("tokenizer.ggml.token_type", []int32{1}) }, tokenizer.ErrUnsupported, "1 token types for 265 tokens"},
		{"tokens", func(f *modeltest.File) { f.Set("tokenizer.ggml.tokens", "abc") }, gguf.ErrKey, "tokenizer.ggml.tokens is no array of values"},
		{"no tokenizer", func(f *modeltest.File) { f.Set("tokenizer.ggml.model", nil) }, gguf.ErrKey, `no tokenizer: tokenizer.ggml.model is "", tokenizer.ggml.tokens has 265 tokens`},
		{"no tokens", func(f *modeltest.File) { f.Set("tokenizer.ggml.tokens", nil) }, gguf.ErrKey, "tokenizer.ggml.tokens has 0 tokens"},
		{"negative token", func(f *modeltest.File) { f.Set("tokenizer.ggml.bos_token_id", int32(-2)) }, gguf.ErrKey, "tokenizer.ggml.bos_token_id is -2"},
		{"end token", func(f *modeltest.File) { f.Set("tokenizer.ggml.eos_token_id", uint32(265)) }, tokenizer.ErrUnsupported, "eos token 265: must be below 265"},
		{"more tokens than embeddings", func(f *modeltest.File) {
			f.Set("tokenizer.ggml.tokens", make([]string, 300))
		}, gguf.ErrTensor, "300 tokens but 265 embeddings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := modeltest.Tiny(1)
			c.edit(f)
			path := write(t, f)
			_, err := model.Load(path)
			require.ErrorIs(t, err, c.want)
			assert.Contains(t, err.Error(), c.text)
			assert.Contains(t, err.Error(), path)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestLoadRejectsFiles(t *testing.T) {
	dir := t.TempDir()
	whole, err := modeltest.Tiny(1).Bytes()
	require.NoError(t, err)
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte(strings.Repeat("hello ", 20)),
		"cut in the data": whole[:len(whole)-200], "cut in the header": whole[:3000],
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		_, err := model.Load(path)
		require.ErrorIs(t, err, gguf.ErrFormat, name)
		assert.Contains(t, err.Error(), path)
		assert.NotContains(t, err.Error(), "\n")
	}
	_, err = model.Load(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = model.Load(dir)
	require.ErrorIs(t, err, gguf.ErrFormat)
	_, err = model.Checksum(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
