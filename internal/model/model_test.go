package model_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

var tokens = []int{70, 5, 262, 100, 263, 264, 9, 9, 1, 2, 0, 130}

func load(t *testing.T, f *modeltest.File) *model.Model {
	t.Helper()
	m, err := model.Load(write(t, f))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// variants are the model files whose logits are checked against the reference.
var variants = []struct {
	name   string
	edit   func(f *modeltest.File)
	adjust func(r *reference)
}{
	{"llama", func(*modeltest.File) {}, func(*reference) {}},
	{"output of its own", func(f *modeltest.File) {
		f.Add(3, "output.weight", quant.F16, modeltest.Width, 265)
	}, func(*reference) {}},
	{"biases", addBiases, func(*reference) {}},
	{"linear scaling", func(f *modeltest.File) {
		f.Set("llama.rope.scaling.type", "linear")
		f.Set("llama.rope.scaling.factor", float32(4))
	}, func(r *reference) { r.scale = 4 }},
	{"rope factors", func(f *modeltest.File) {
		f.Add(4, "rope_freqs.weight", quant.F32, modeltest.HeadDim/2)
	}, func(r *reference) { r.factors = r.tensor("rope_freqs.weight") }},
	{"qwen2", func(f *modeltest.File) {
		for _, kv := range slices.Clone(f.KVs) {
			if len(kv.Key) > 6 && kv.Key[:6] == "llama." {
				f.Set(kv.Key, nil)
				f.Set("qwen2."+kv.Key[6:], kv.Value)
			}
		}
		f.Set("general.architecture", "qwen2")
		addBiases(f)
	}, func(r *reference) { r.halves = true }},
}

func addBiases(f *modeltest.File) {
	for i, blk := range []string{"blk.0.", "blk.1."} {
		f.Add(uint64(10+i), blk+"attn_q.bias", quant.F32, modeltest.QueryHeads*modeltest.HeadDim)
		f.Add(uint64(20+i), blk+"attn_k.bias", quant.F32, modeltest.KVHeads*modeltest.HeadDim)
		f.Add(uint64(30+i), blk+"attn_v.bias", quant.F32, modeltest.KVHeads*modeltest.HeadDim)
		f.Add(uint64(40+i), blk+"attn_output.bias", quant.F32, modeltest.Width)
	}
}

func TestLogitsMatchReference(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			tiny := modeltest.Tiny(7)
			v.edit(tiny)
			want, got := bothLogits(t, tiny, v.adjust)
			for i, x := range got {
				require.InDelta(t, want[i], x, 2e-4, "logit %d", i)
			}
		})
	}
}

func TestBatchesGiveTheSameLogits(t *testing.T) {
	m := load(t, modeltest.Tiny(8))
	want, err := m.Forward(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	for _, sizes := range [][]int{{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {5, 7}, {11, 1}, {1, 11}} {
		kv, at := model.NewMemory(m.Config), 0
		var got []float32
		for _, n := range sizes {
			got, err = m.Forward(tokens[at:at+n], kv)
			require.NoError(t, err)
			at += n
		}
		assert.Equal(t, len(tokens), kv.Tokens())
		assert.InDeltaSlice(t, want, got, 1e-4, "batches %v", sizes)
	}
}

func TestRunsRepeatExactly(t *testing.T) {
	m := load(t, modeltest.Tiny(9))
	want, err := m.ForwardAll(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	for range 5 {
		got, err := m.ForwardAll(tokens, model.NewMemory(m.Config))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// spy records what Forward hands to its cache and what that returns, and can
// fail.
type spy struct {
	*model.Memory
	calls    []string
	attended map[int][]float32
	failAt   string
}

var errSpy = errors.New("spy failed")

func (s *spy) note(call string) error {
	s.calls = append(s.calls, call)
	if call == s.failAt {
		return errSpy
	}
	return nil
}

func (s *spy) Append(layer int, k, v []float32) error {
	return errors.Join(s.Memory.Append(layer, k, v), s.note("append"))
}

func (s *spy) Attend(layer int, q, out []float32, a model.Attention) error {
	err := s.Memory.Attend(layer, q, out, a)
	if s.attended != nil {
		s.attended[layer] = append(s.attended[layer], out...)
	}
	return errors.Join(err, s.note("attend"))
}

func (s *spy) Step() error { return errors.Join(s.Memory.Step(), s.note("step")) }

func TestCacheCallsAndAttention(t *testing.T) {
	path := write(t, modeltest.Tiny(7))
	m, err := model.Load(path)
	require.NoError(t, err)
	s := &spy{Memory: model.NewMemory(m.Config), attended: map[int][]float32{}}
	for _, batch := range [][]int{tokens[:8], tokens[8:9], tokens[9:]} {
		s.calls = nil
		_, err = m.Forward(batch, s)
		require.NoError(t, err)
		assert.Equal(t, []string{"append", "attend", "append", "attend", "step"}, s.calls)
	}
	_, want := newReference(t, path).logits(tokens)
	require.Len(t, s.attended, modeltest.Layers)
	for layer, rows := range want {
		require.Len(t, s.attended[layer], len(tokens)*modeltest.QueryHeads*modeltest.HeadDim)
		for token, row := range rows {
			for i, x := range row {
				got := s.attended[layer][token*len(row)+i]
				require.InDelta(t, x, got, 1e-4, "layer %d token %d element %d", layer, token, i)
			}
		}
	}
}

func TestForwardUsesWhatTheCacheAttendedTo(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	want, err := m.Forward(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	got, err := m.Forward(tokens, &zeroed{model.NewMemory(m.Config)})
	require.NoError(t, err)
	assert.NotEqual(t, want, got)
}

// zeroed returns zeros for the first query.
type zeroed struct{ *model.Memory }

func (z *zeroed) Attend(layer int, q, out []float32, a model.Attention) error {
	err := z.Memory.Attend(layer, q, out, a)
	clear(out[:modeltest.QueryHeads*modeltest.HeadDim])
	return err
}

func TestCacheErrorsReachTheCaller(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	for _, call := range []string{"append", "attend", "step"} {
		_, err := m.Forward(tokens, &spy{Memory: model.NewMemory(m.Config), failAt: call})
		require.ErrorIs(t, err, errSpy)
		assert.Contains(t, err.Error(), call)
	}
}

func TestFailedStepCanBeRepeated(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	want, err := m.Forward(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	s := &spy{Memory: model.NewMemory(m.Config), failAt: "attend"}
	_, err = m.Forward(tokens, s)
	require.ErrorIs(t, err, errSpy)
	s.failAt = ""
	got, err := m.Forward(tokens, s)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestForwardRejects(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	kv := model.NewMemory(m.Config)
	for _, c := range []struct {
		name   string
		tokens []int
		want   error
		text   string
	}{
		{"empty", nil, model.ErrToken, "model: empty batch"},
		{"token too large", []int{1, m.Vocab}, model.ErrToken, "model: token 265 of a vocabulary of 265"},
		{"negative token", []int{-1}, model.ErrToken, "model: token -1 of"},
		{"context", make([]int, modeltest.Context+1), model.ErrContext, "model: 97 tokens after 0 exceed the model's 96"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := m.Forward(c.tokens, kv)
			require.ErrorIs(t, err, c.want)
			assert.Contains(t, err.Error(), c.text)
		})
	}
	_, err := m.Forward(make([]int, modeltest.Context), kv)
	require.NoError(t, err)
	_, err = m.Forward([]int{1}, kv)
	require.ErrorIs(t, err, model.ErrContext)
}

// Weights that are not finite are found on loading, whatever their type; values
// that overflow are found in the forward pass.
func TestDamagedWeightsAreNamed(t *testing.T) {
	for name, value := range map[string]float64{"NaN": math.NaN(), "+Inf": math.Inf(1), "-Inf": math.Inf(-1)} {
		f := modeltest.Tiny(7)
		copy(f.Tensor("blk.1.attn_norm.weight").Data[4*5:], f32(float32(value), 1))
		path := write(t, f)
		_, err := model.Load(path)
		require.ErrorIs(t, err, gguf.ErrFinite)
		require.EqualError(t, err, "gguf: "+path+`: tensor "blk.1.attn_norm.weight": element 5 is `+name+": weights are not finite")
	}
	f := modeltest.Tiny(7)
	copy(f.Tensor("token_embd.weight").Data[34*9:], []byte{0, 0x7e}) // the scale of the tenth Q8_0 block
	_, err := model.Load(write(t, f))
	require.ErrorIs(t, err, gguf.ErrFinite)
	require.ErrorContains(t, err, `"token_embd.weight": element 288 is NaN`)
}

func TestForwardFindsOverflow(t *testing.T) {
	f := modeltest.Tiny(7)
	for i, name := range []string{"q", "k", "v"} {
		f.Add(uint64(i), "blk.1.attn_"+name+".bias", quant.F32, []int{modeltest.QueryHeads, modeltest.KVHeads, modeltest.KVHeads}[i]*modeltest.HeadDim)
	}
	copy(f.Tensor("blk.1.attn_norm.weight").Data, f32(3e38, modeltest.Width))
	_, err := load(t, f).Forward(tokens, model.NewMemory(model.Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 64}))
	require.ErrorIs(t, err, model.ErrFinite)
	require.ErrorContains(t, err, "model: layer 1: query, key or value")
}

func TestMemoryRejects(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	kv := model.NewMemory(m.Config)
	require.Error(t, kv.Append(modeltest.Layers, nil, nil))
	require.Error(t, kv.Append(0, make([]float32, 3), make([]float32, 3)))
	row := modeltest.QueryHeads * modeltest.HeadDim
	q := make([]float32, 2*row)
	require.EqualError(t, kv.Attend(-1, q, q, model.Attention{}), "model: memory: layer -1 of 2")
	require.ErrorContains(t, kv.Attend(0, q[:row], q[:row], model.Attention{}), "for 0 tokens")
	token := make([]float32, modeltest.KVHeads*modeltest.HeadDim)
	require.NoError(t, kv.Append(0, token, token))
	require.NoError(t, kv.Attend(0, q[:row], q[row:], model.Attention{}))
	require.ErrorContains(t, kv.Attend(0, q, q, model.Attention{}), "512 elements of queries and 512 of results for 1 tokens, rows of 256")
	require.Error(t, kv.Attend(0, q[1:row], q[1:row], model.Attention{}))
	require.Error(t, kv.Attend(0, q[:row], q, model.Attention{}))
}

// f32 returns little-endian bytes of v, count times.
func f32(v float32, count int) (out []byte) {
	for range count {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}
