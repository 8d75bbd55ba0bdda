package generate

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// newStore is a store of raw rows for the tiny model, on the device cpu.
func newStore(t *testing.T, typ backend.Type) (*Store, *backend.Cache) {
	d, err := device.Open("cpu", device.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	cache, err := backend.New(d, backend.Config{
		Layers: modeltest.Layers, KVHeads: modeltest.KVHeads, QueryHeads: modeltest.QueryHeads,
		HeadDim: modeltest.HeadDim, Capacity: modeltest.Context, Type: typ,
	})
	require.NoError(t, err)
	t.Cleanup(cache.Close)
	text, err := cache.NewSequence()
	require.NoError(t, err)
	return NewStore(t.Context(), text), cache
}

// sizes give batches of so many tokens, the last one smaller.
var sizes = []int{1, 7, 32}

func TestStoreGivesTheLogitsOfMemory(t *testing.T) {
	m, tokens := tiny(t), make([]int, 75)
	r := rand.New(rand.NewPCG(3, 1))
	for i := range tokens {
		tokens[i] = r.IntN(m.Vocab)
	}
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			store, cache := newStore(t, backend.F32)
			memory := model.NewMemory(m.Config)
			for at := 0; at < len(tokens); at += size {
				batch := tokens[at:min(at+size, len(tokens))]
				want, err := m.ForwardAll(batch, memory)
				require.NoError(t, err)
				got, err := m.ForwardAll(batch, store)
				require.NoError(t, err)
				require.InDeltaSlice(t, want, got, 1e-4, "from token %d on", at)
			}
			require.Equal(t, len(tokens), store.Tokens())
			require.Equal(t, 64, cache.Stats().Stored, "pages were read, not only the recent window")
		})
	}
}

// What a model file asks of scale, window and soft cap reaches the device, layer
// by layer.
func TestStoreAttendsAsTheFileAsks(t *testing.T) {
	f := modeltest.Tiny(1)
	f.Set("llama.attention.scale", float32(0.25))
	f.Set("llama.attn_logit_softcapping", float32(1))
	f.Set("llama.attention.sliding_window", uint32(20))
	f.Set("llama.attention.sliding_window_pattern", []bool{false, true})
	path := filepath.Join(t.TempDir(), "asks.gguf")
	require.NoError(t, f.Write(path))
	m, err := model.Load(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	tokens := make([]int, 75)
	for i := range tokens {
		tokens[i] = (31*i + 7) % m.Vocab
	}
	for _, size := range sizes {
		store, _ := newStore(t, backend.F32)
		memory := model.NewMemory(m.Config)
		for at := 0; at < len(tokens); at += size {
			batch := tokens[at:min(at+size, len(tokens))]
			want, err := m.ForwardAll(batch, memory)
			require.NoError(t, err)
			got, err := m.ForwardAll(batch, store)
			require.NoError(t, err)
			require.InDeltaSlice(t, want, got, 1e-4, "batches of %d, from token %d on", size, at)
		}
	}
	plain, err := tiny(t).Forward(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	asked, err := m.Forward(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	require.NotEqual(t, plain, asked)
}

// What attention gives a token does not depend on the batch that it came in.
func TestStoreAttendsAlikeInAnyBatch(t *testing.T) {
	const queries, rows = modeltest.QueryHeads * modeltest.HeadDim, modeltest.KVHeads * modeltest.HeadDim
	const tokens = 75
	r := rand.New(rand.NewPCG(4, 1))
	random := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(r.NormFloat64())
		}
		return out
	}
	q, k, v := random(tokens*queries), random(tokens*rows), random(tokens*rows)
	attend := func(size int) []float32 {
		store, _ := newStore(t, backend.F16)
		out := make([]float32, len(q))
		for at := 0; at < tokens; at += size {
			to := min(at+size, tokens)
			for layer := range modeltest.Layers {
				require.NoError(t, store.Append(layer, k[at*rows:to*rows], v[at*rows:to*rows]))
				require.NoError(t, store.Attend(layer, q[at*queries:to*queries], out[at*queries:to*queries], model.Attention{}))
			}
			require.NoError(t, store.Step())
		}
		return out
	}
	want := attend(sizes[0])
	for _, size := range sizes[1:] {
		require.Equal(t, want, attend(size), "batches of %d", size)
	}
}

func TestStoreTellsWhatIsWrong(t *testing.T) {
	store, _ := newStore(t, backend.F16)
	q := make([]float32, modeltest.QueryHeads*modeltest.HeadDim)
	require.ErrorIs(t, store.Attend(0, q, q, model.Attention{}), backend.ErrQueries)
	require.ErrorContains(t, store.Attend(modeltest.Layers, q, q, model.Attention{}), "layer 2")
}
