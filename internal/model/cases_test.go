package model_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// withTokens puts texts in the place of the last tokens, as user-defined ones.
func withTokens(f *modeltest.File, texts ...string) (first int) {
	for i, kv := range f.KVs {
		switch tokens := kv.Value.(type) {
		case []string:
			if kv.Key == "tokenizer.ggml.tokens" {
				first = len(tokens) - len(texts)
				copy(tokens[first:], texts)
			}
		case []int32:
			for j := range texts {
				tokens[len(tokens)-1-j] = 4
			}
		}
		if kv.Key == "tokenizer.ggml.merges" {
			f.KVs[i].Value = []string{}
		}
	}
	return first
}

// User-defined tokens keep white space at their ends and are found by it.
func TestUserTokensKeepTheirSpace(t *testing.T) {
	f := modeltest.Tiny(1)
	first := withTokens(f, " hi ", "   ", "hi")
	tokenizer := load(t, f).Tokenizer
	for text, want := range map[string][]int{" hi ": {first}, "   ": {first + 1}, "hi": {first + 2}} {
		got, err := tokenizer.Encode(text, true)
		require.NoError(t, err)
		assert.Equal(t, want, got, "%q", text)
	}
}

// A begin token of 0xffffffff means that there is none.
func TestNoBeginToken(t *testing.T) {
	f := modeltest.Tiny(1)
	want, err := load(t, f).Tokenizer.Encode("the", true)
	require.NoError(t, err)
	f.Set("tokenizer.ggml.bos_token_id", uint32(math.MaxUint32))
	got, err := load(t, f).Tokenizer.Encode("the", true)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// Weights used as stored find damage on loading just as those expanded to f32.
func TestStoredWeightsAreCheckedOnLoading(t *testing.T) {
	f := modeltest.Tiny(7)
	copy(f.Tensor("token_embd.weight").Data[34*9:], []byte{0, 0x7e})
	_, err := model.LoadStored(write(t, f))
	require.ErrorContains(t, err, `"token_embd.weight": element 288 is NaN`)
}
