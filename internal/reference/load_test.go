package reference

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nlpodyssey/safetensors"
	"github.com/stretchr/testify/require"
)

func TestLoadRefusesParameters(t *testing.T) {
	for _, test := range []struct{ key, value, text string }{
		{"key_or_value_cache", `"query"`, `key_or_value_cache: "query", must be key or value`},
		{"level", `"page"`, `level: "page", must be head, layer or token`},
		{"method", `"log"`, `method: "log", must be uniform or normal`},
		{"outliers_ratio", "0.2", "outliers_ratio: 0.2, limit 0..0.1"},
		{"last_n_attentions", "0", "last_n_attentions: 0, at least 1"},
		{"last_n_attentions", "10", "last_n_attentions: 10, limit 1..9"},
		{"target_quantization_error", "-1", "target_quantization_error: -1, at least 0"},
		{"target_quantization_error", "1e40",
			"target_quantization_error: 1e+40 for 9 tokens gives a limit of +Inf, at most 2^100"},
		{"n_bits_min", "7", "n_bits_min, n_bits_max: 7, 6, must be 0 <= min <= max <= 8"},
		{"n_bits_max", "9", "n_bits_min, n_bits_max: 1, 9, must be 0 <= min <= max <= 8"},
		{"n_bits_max", "", "n_bits_max: no such parameter"},
		{"n_bits_max", "six", "n_bits_max: invalid character 's' looking for beginning of value"},
	} {
		t.Run(test.key+" "+test.value, func(t *testing.T) {
			c := generated(settings(), 1, 1, 9, 32)
			meta := metadata(t, c.Parameters)
			meta[test.key] = test.value
			if test.value == "" {
				delete(meta, test.key)
			}
			_, err := Load(write(t, tensors(t, c), meta))
			require.EqualError(t, err, "reference: generated.safetensors: "+test.text)
		})
	}
}

func TestCheckOfParameters(t *testing.T) {
	p := settings()
	p.Side = "key"
	require.EqualError(t, p.check(), "q_norm: 0, must be more than 0")
	p.UseAttentions, p.FixedBits = false, 9
	require.EqualError(t, p.check(), "n_bits_uniform: 9, limit 0..8")
}

func TestLoadRefusesTensors(t *testing.T) {
	c := generated(settings(), 1, 1, 9, 32)
	many := make([]byte, 8*9)
	many[8] = 9
	nan := append([]byte(nil), bytesOf(c.Attention)...)
	copy(nan[40:], []byte{0, 0, 0xc0, 0x7f})
	for _, test := range []struct {
		name, key string
		tensor    *tensor
		text      string
	}{
		{"no cache", "cache", nil, "cache: no such tensor"},
		{"no bits", "n_bits", nil, "n_bits: no such tensor"},
		{"flat cache", "cache", ref(view(t, safetensors.F32, bytesOf(c.Cache), 9, 32)),
			"cache: shape [9 32], must be [L,1,H,T,D]"},
		{"head dimension", "cache", ref(view(t, safetensors.F32, bytesOf(c.Cache), 1, 1, 2, 9, 16)),
			"layout: head dimension 16: must be a multiple of 8 from 32 to 256"},
		{"attention of another length", "attention", ref(view(t, safetensors.F32, make([]byte, 4*72), 1, 1, 1, 9, 8)),
			"attention: shape [1 1 1 9 8], must be [1 1 1 9 9]"},
		{"mask type", "outlier_mask", ref(view(t, safetensors.BOOL, make([]byte, 288), 1, 1, 1, 9, 32)),
			"outlier_mask: type BOOL, must be U8"},
		{"nine bits", "n_bits", ref(view(t, safetensors.I64, many, 1, 9, 1)), "n_bits: 9, limit 0..8"},
		{"attention NaN", "attention", ref(view(t, safetensors.F32, nan, 1, 1, 1, 9, 9)), "attention: NaN, limit 0..1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := tensors(t, c)
			delete(data, test.key)
			if test.tensor != nil {
				data[test.key] = *test.tensor
			}
			_, err := Load(write(t, data, metadata(t, c.Parameters)))
			require.EqualError(t, err, "reference: generated.safetensors: "+test.text)
		})
	}
}

func ref(v tensor) *tensor { return &v }

func TestLoadRefusesTruncatedFiles(t *testing.T) {
	c := generated(settings(), 1, 1, 4, 32)
	path := write(t, tensors(t, c), metadata(t, c.Parameters))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, n := range []int{0, 1, 7, 8, 9, 100, len(whole) / 2, len(whole) - 1} {
		require.NoError(t, os.WriteFile(path, whole[:n], 0o600))
		_, err := Load(path)
		require.ErrorContains(t, err, "reference: generated.safetensors: ", "%d bytes", n)
	}
	require.NoError(t, os.WriteFile(path, append(whole, 0), 0o600))
	_, err = Load(path)
	require.Error(t, err)
	_, err = Load(filepath.Join(t.TempDir(), "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
