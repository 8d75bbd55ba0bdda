package model_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// set returns an edit that sets keys below "llama.".
func set(pairs ...any) func(f *modeltest.File) {
	return func(f *modeltest.File) {
		for i := 0; i < len(pairs); i += 2 {
			f.Set("llama."+pairs[i].(string), pairs[i+1])
		}
	}
}

// yarn is the turning of one pair as the paper writes it, once more: the share
// of a pair that is not scaled falls from 1 to 0 between the pairs that make 32
// turns (or fast) and 1 (or slow) over the first context.
func yarn(factor, context, fast, slow, mix float64) func(pair int) float64 {
	const d = modeltest.HeadDim
	at := func(turns float64) float64 { // the pair whose wavelength is context/turns
		return d / 2 * math.Log(context/(2*math.Pi*turns)) / math.Log(10000)
	}
	low, high := math.Max(math.Floor(at(fast)), 0), math.Min(math.Ceil(at(slow)), d-1)
	return func(pair int) float64 {
		speed := math.Pow(10000, -2*float64(pair)/d)
		kept := mix * (1 - math.Min(math.Max((float64(pair)-low)/(high-low), 0), 1))
		return kept*speed + (1-kept)*speed/factor
	}
}

// arithmetic are the keys that change it, each against the reference.
var arithmetic = []struct {
	name   string
	edit   func(f *modeltest.File)
	adjust func(r *reference)
}{
	{"attention scale", set("attention.scale", float32(0.3)), func(r *reference) { r.attention = float64(float32(0.3)) }},
	{"attention scale 0 is the usual", set("attention.scale", float32(0)), func(*reference) {}},
	{"score soft cap", set("attn_logit_softcapping", float32(0.5)), func(r *reference) { r.scoreCap = 0.5 }},
	{"logit soft cap", set("final_logit_softcapping", float32(2)), func(r *reference) { r.logitCap = 2 }},
	{"logit scale", set("logit_scale", float32(8)), func(r *reference) { r.logit = 8 }},
	{"residual scale", set("residual_scale", float32(0.25)), func(r *reference) { r.residual = 0.25 }},
	{"residual scale with biases", func(f *modeltest.File) {
		set("residual_scale", float32(0.25))(f)
		addBiases(f)
	}, func(r *reference) { r.residual = 0.25 }},
	{"embedding scale", set("embedding_scale", float32(12)), func(r *reference) { r.embedding = 12 }},
	{"all of Granite", set("embedding_scale", float32(12), "residual_scale", float32(0.25), "logit_scale", float32(8), "attention.scale", float32(0.0625)),
		func(r *reference) { r.embedding, r.residual, r.logit, r.attention = 12, 0.25, 8, 0.0625 }},
	{"window", set("attention.sliding_window", uint32(5)), func(r *reference) { r.windows = [2]int{5, 5} }},
	{"window of 1", set("attention.sliding_window", uint32(1)), func(r *reference) { r.windows = [2]int{1, 1} }},
	{"window of the context", set("attention.sliding_window", uint32(modeltest.Context)), func(*reference) {}},
	{"window every second layer", set("attention.sliding_window", uint32(3), "attention.sliding_window_pattern", uint32(2)),
		func(r *reference) { r.windows = [2]int{3, 0} }},
	{"window by layer", set("attention.sliding_window", uint32(3), "attention.sliding_window_pattern", []bool{false, true}),
		func(r *reference) { r.windows = [2]int{0, 3} }},
	{"window and soft cap", set("attention.sliding_window", uint32(4), "attn_logit_softcapping", float32(1)),
		func(r *reference) { r.windows, r.scoreCap = [2]int{4, 4}, 1 }},
	{"linear without a type", set("rope.scaling.factor", float32(4)), func(r *reference) { r.scale = 4 }},
	{"linear by its old name", set("rope.scale_linear", float32(2)), func(r *reference) { r.scale = 2 }},
	{"no scaling", set("rope.scaling.type", "none", "rope.scaling.factor", float32(4)), func(*reference) {}},
	{"linear with attn_factor", set("rope.scaling.type", "linear", "rope.scaling.factor", float32(4), "rope.scaling.attn_factor", float32(1.25)),
		func(r *reference) { r.scale, r.magnitude = 4, 1.25 }},
	{"llama3", func(f *modeltest.File) {
		set("rope.scaling.type", "llama3", "rope.scaling.factor", float32(8))(f)
		f.Add(4, "rope_freqs.weight", quant.F32, modeltest.HeadDim/2)
	}, func(r *reference) { r.factors = r.tensor("rope_freqs.weight") }},
	{"yarn", set("rope.scaling.type", "yarn", "rope.scaling.factor", float32(4), "rope.scaling.original_context_length", uint32(4096)),
		func(r *reference) { r.turn, r.magnitude = yarn(4, 4096, 32, 1, 1), 1+0.1*math.Log(4) }},
	{"yarn over the context", set("rope.scaling.type", "yarn", "rope.scaling.factor", float32(4)),
		func(r *reference) { r.turn, r.magnitude = yarn(4, modeltest.Context, 32, 1, 1), 1+0.1*math.Log(4) }},
	{"yarn with all keys", set("rope.scaling.type", "yarn", "rope.scaling.factor", float32(8), "rope.scaling.original_context_length", uint32(2048),
		"rope.scaling.attn_factor", float32(0.75), "rope.scaling.yarn_attn_factor", float32(0.5), "rope.scaling.yarn_ext_factor", float32(0.5),
		"rope.scaling.yarn_beta_fast", float32(16), "rope.scaling.yarn_beta_slow", float32(2), "rope.scaling.finetuned", true),
		func(r *reference) {
			r.turn, r.magnitude = yarn(8, 2048, 16, 2, 0.5), 0.75*0.5*(1+0.1*math.Log(8))
		}},
}

func TestArithmeticKeys(t *testing.T) {
	plain, err := load(t, modeltest.Tiny(7)).ForwardAll(tokens, model.NewMemory(model.Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 64}))
	require.NoError(t, err)
	for _, c := range arithmetic {
		t.Run(c.name, func(t *testing.T) {
			tiny := modeltest.Tiny(7)
			c.edit(tiny)
			want, got := bothLogits(t, tiny, c.adjust)
			for i, x := range got {
				require.InDelta(t, want[i], x, 2e-4*max(1, math.Abs(want[i])), "logit %d", i)
			}
			r := &reference{}
			if c.name != "llama3" {
				c.adjust(r)
			}
			if c.name == "llama3" || fmt.Sprint(*r) != fmt.Sprint(reference{}) {
				assert.NotEqual(t, plain, got, "the key does something")
			}
		})
	}
}

// bothLogits returns the logits of the reference and of the model.
func bothLogits(t *testing.T, tiny *modeltest.File, adjust func(r *reference)) (want []float64, got []float32) {
	path := write(t, tiny)
	m, err := model.Load(path)
	require.NoError(t, err)
	defer m.Close()
	r := newReference(t, path)
	adjust(r)
	rows, _ := r.logits(tokens)
	for _, row := range rows {
		want = append(want, row...)
	}
	got, err = m.ForwardAll(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	require.Len(t, got, len(want))
	return want, got
}

// A query of a batch of one reads its KV head in another way than one of many.
func TestWindowsOneByOne(t *testing.T) {
	f := modeltest.Tiny(7)
	set("attention.sliding_window", uint32(5), "attn_logit_softcapping", float32(1))(f)
	m := load(t, f)
	want, err := m.Forward(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	kv := model.NewMemory(m.Config)
	var got []float32
	for _, token := range tokens {
		got, err = m.Forward([]int{token}, kv)
		require.NoError(t, err)
	}
	assert.InDeltaSlice(t, want, got, 1e-4)
}

func TestAttentionByLayer(t *testing.T) {
	f := modeltest.Tiny(7)
	set("attention.sliding_window", uint32(3), "attention.sliding_window_pattern", uint32(2),
		"attn_logit_softcapping", float32(30), "attention.scale", float32(0.25))(f)
	m := load(t, f)
	assert.Equal(t, model.Attention{Scale: 0.25, Window: 3, SoftCap: 30}, m.Attention(0))
	assert.Equal(t, model.Attention{Scale: 0.25, SoftCap: 30}, m.Attention(1))
}

func TestArithmeticIsRefusedByName(t *testing.T) {
	for _, c := range []struct {
		key   string
		value any
		text  string
	}{
		{"attention.max_alibi_bias", float32(8), "llama.attention.max_alibi_bias is 8, only 0"},
		{"attention.clamp_kqv", float32(1), "llama.attention.clamp_kqv is 1, only 0"},
		{"attention.causal", false, "llama.attention.causal is false"},
		{"attention.temperature_scale", float32(0.1), "llama.attention.temperature_scale"},
		{"attention.temperature_length", uint32(8192), "llama.attention.temperature_length"},
		{"use_parallel_residual", true, "llama.use_parallel_residual is true"},
		{"rope.dimension_sections", []int32{16, 24, 24}, `"llama.rope.dimension_sections" is not known here`},
		{"attention.brand_new", float32(1), `"llama.attention.brand_new" is not known here and may ask for other arithmetic`},
		{"logit_scale", float32(math.NaN()), "llama.logit_scale is NaN"},
		{"logit_scale", float32(-1), "llama.logit_scale is -1"},
		{"attn_logit_softcapping", float32(1e9), "llama.attn_logit_softcapping is 1e+09, want 0 or 2^-20 to 2^20"},
		{"attention.sliding_window", int32(-1), "llama.attention.sliding_window is -1"},
		{"attention.sliding_window_pattern", []bool{true}, "has 1 elements for 2 layers"},
		{"rope.scaling.type", "llama3", `RoPE scaling "llama3" without the tensor rope_freqs.weight`},
		{"rope.scaling.factor", float32(math.Inf(1)), "llama.rope.scaling.factor is +Inf"},
	} {
		f := modeltest.Tiny(7)
		set(c.key, c.value)(f)
		path := write(t, f)
		_, err := model.Load(path)
		require.ErrorIs(t, err, model.ErrUnsupported, c.key)
		assert.ErrorContains(t, err, path)
		assert.ErrorContains(t, err, c.text)
	}
}

// Keys that ask for nothing, or for what is done anyway, refuse no file.
func TestNeutralKeysAreTaken(t *testing.T) {
	f := modeltest.Tiny(7)
	set("attention.max_alibi_bias", float32(0), "attention.clamp_kqv", float32(0), "attention.causal", true, "expert_count", uint32(0),
		"expert_used_count", uint32(0), "vocab_size", uint32(265), "tensor_data_layout", "Meta AI original pth", "use_parallel_residual", false,
		"attention.sliding_window", uint32(0), "rope.scaling.finetuned", false, "pooling_type", uint32(0), "attn_logit_softcapping", float32(0))(f)
	f.Set("tokenizer.ggml.bos_token_id", uint32(math.MaxUint32))
	want, got := bothLogits(t, f, func(*reference) {})
	for i, x := range got {
		require.InDelta(t, want[i], x, 2e-4)
	}
}
