package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// writeModel writes a tiny model after a change to it and returns its path.
func writeModel(t *testing.T, change func(*modeltest.File)) string {
	f := modeltest.Tiny(1)
	if change != nil {
		change(f)
	}
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, f.Write(path))
	return path
}

// reshape gives the heads another dimension.
func reshape(f *modeltest.File, dim int) {
	f.Set("llama.attention.key_length", uint32(dim))
	f.Set("llama.attention.value_length", uint32(dim))
	f.Set("llama.rope.dimension_count", uint32(dim))
	for l := range modeltest.Layers {
		for name, dims := range map[string][]int{
			"attn_q": {modeltest.Width, modeltest.QueryHeads * dim}, "attn_k": {modeltest.Width, modeltest.KVHeads * dim},
			"attn_v": {modeltest.Width, modeltest.KVHeads * dim}, "attn_output": {modeltest.QueryHeads * dim, modeltest.Width},
		} {
			name = fmt.Sprintf("blk.%d.%s.weight", l, name)
			f.Remove(name)
			f.Add(1, name, quant.F32, dims...)
		}
	}
}

func TestBadUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"no command", nil, []string{"no command given"}},
		{"unknown command", []string{"fly"}, []string{`unknown command "fly"`}},
		{"unknown flag", []string{"run", "--fly"}, []string{"unknown flag: --fly"}},
		{"flag without value", []string{"run", "--tokens"}, []string{"--tokens"}},
		{"no number", []string{"run", "--tokens", "many"}, []string{"--tokens", "many"}},
		{"stray argument", []string{"bench", "all"}, []string{`unexpected argument "all"`}},
		{"unknown policy", []string{"run", "--policy", "best"}, []string{"--policy", "best", "auto calibrated none uniform qaq h2o scissorhands"}},
		{"unknown level", []string{"run", "--level", "row"}, []string{"--level", "row", "head layer token"}},
		{"unknown formula", []string{"run", "--formula", "x"}, []string{"--formula", "paper authors"}},
		{"unknown limits", []string{"bench", "--limits", "low"}, []string{"--limits", "device minimum"}},
		{"bad expression", []string{"conformance", "--filter", "("}, []string{"--filter", "missing closing )"}},
		{"bad tuning", []string{"bench", "--device", "cpu", "--tune", "encode.LANES=x"}, []string{"--tune", "encode.LANES=x"}},
		{"level with calibrated", []string{"run", "--policy", "calibrated", "--level", "layer"}, []string{"--level: is not of --policy calibrated"}},
		{"profile with qaq", []string{"run", "--policy", "qaq", "--profile", "f"}, []string{"--profile: is of --policy calibrated, not of qaq"}},
		{"budget of bytes with alpha", []string{"run", "--budget-bytes", "9", "--alpha", "0"}, []string{"--alpha: is not of --policy calibrated"}},
		{"bits of none", []string{"run", "--policy", "none", "--bits", "3"}, []string{"--bits: is of --policy uniform and calibrated, not of none"}},
		{"no file", []string{"reference"}, []string{"no file given"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := qaqvk(t, nil, c.args...)
			o.requireError(t, 2, c.want...)
			require.Empty(t, o.stdout)
		})
	}
}

func TestBadNumbers(t *testing.T) {
	model := writeModel(t, nil)
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"alpha for evicting policies", []string{"--policy", "h2o", "--alpha", "0.2"}, []string{"--alpha 0.2: must be 0 to 0.1"}},
		{"most bits", []string{"--bits-max", "12"}, []string{"--bits-max 12: must be --bits-min, which is 1, to 8, or 16"}},
		{"most bits below least", []string{"--bits-min", "5", "--bits-max", "3"}, []string{"--bits-max 3: must be --bits-min, which is 5"}},
		{"context longer than capacity", []string{"--capacity", "4", "--prompt", "ab ab ab ab"}, []string{"--capacity 4: ", "of the prompt and 2 to generate"}},
		{"context longer than the model's", []string{"--tokens", "1000000"}, []string{"--tokens 1000000: ", "context is 96"}},
		{"results over a folder", []string{"--json", "."}, []string{"report: .: is a folder"}},
		{"timeline over a folder", []string{"--timeline", "."}, []string{"report: .: is a folder"}},
		{"results without a folder", []string{"--json", "no/such/r.json"}, []string{"no/such/r.json", "no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"run", "--device", "cpu", "--model", model, "--tokens", "2", "--prompt", "ab"}, c.args...)
			o := qaqvk(t, []string{"QAQVK_CACHE=" + t.TempDir()}, args...)
			o.requireError(t, 1, c.want...)
		})
	}
}

// Every numeric flag says its limits, whatever number it is given.
func TestNumbersOutsideTheirLimits(t *testing.T) {
	const most = "16777216"
	for flag, c := range map[string]struct {
		limits string
		values []string
	}{
		"tokens":      {"1 to " + most, []string{"0", "-1", "16777217", "9223372036854775807", "99999999999999999999", "1e3", "1.5", "NaN"}},
		"seed":        {"0 to 18446744073709551615", []string{"-1", "18446744073709551616", "0.5"}},
		"temperature": {"0 to 1000", []string{"-1", "-1e-9", "1e300", "1e400", "Inf", "NaN"}},
		"top-p":       {"above 0, at most 1", []string{"0", "-0.5", "1.5", "NaN"}},
		"alpha":       {"0 to 0.1", []string{"0.2", "-0.01", "NaN"}},
		"budget":      {"1 to " + most, []string{"0", "-5", "9223372036854775807"}},
		"bits":        {"0 to 16", []string{"17", "-1", "NaN"}},
		"bits-min":    {"0 to 8", []string{"9", "-1"}},
		"bits-max":    {"0 to 16", []string{"17", "-1"}},
		"error-k":     {"above 0, at most 1000000", []string{"0", "-1", "1e9", "Inf", "NaN"}},
		"error-v":     {"above 0, at most 1000000", []string{"0", "-1", "1e9", "Inf", "NaN"}},
		"capacity":    {"0 to " + most, []string{"-1", "16777217", "9223372036854775807"}},
		"reserve":     {"0 to 1073741824", []string{"-1", "1e18", "NaN"}},
		"host-budget": {"0 to 1073741824", []string{"-1", "9223372036854775807"}},
	} {
		for _, value := range c.values {
			t.Run(flag+" "+value, func(t *testing.T) {
				o := qaqvk(t, nil, "run", "--device", "cpu", "--prompt", "ab", "--"+flag, value)
				o.requireError(t, 1, "--"+flag+" "+value+": must be "+c.limits)
			})
		}
	}
	qaqvk(t, nil, "bench", "--repeat", "0").requireError(t, 1, "--repeat 0: must be 1 to 1000")
}

// A numeric flag without limits has one of pflag's own types.
func TestEveryNumberHasLimits(t *testing.T) {
	for _, c := range newRoot().Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			require.Contains(t, []string{"string", "bool", "name", "regexp", "stringSlice", "stringArray", "stringToString", "int", "float"}, f.Value.Type(), f.Name)
			if kind := f.Value.Type(); kind == "int" || kind == "float" {
				require.Contains(t, fmt.Sprintf("%T", f.Value), "main.number", f.Name)
			}
		})
	}
}

func TestEmptyTexts(t *testing.T) {
	for _, flag := range []string{"prompt", "prompt-file", "model", "json", "timeline"} {
		qaqvk(t, nil, "run", "--device", "cpu", "--"+flag, "").requireError(t, 1, "--"+flag+` "": is empty`)
	}
}

func TestBadModel(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*modeltest.File)
		want   []string
	}{
		{"architecture", func(f *modeltest.File) { f.Set("general.architecture", "rwkv") }, []string{"rwkv", "llama"}},
		{"weight type", func(f *modeltest.File) { f.Tensors[0].Type = 16 }, []string{"token_embd.weight", "type"}},
		{"removed weight type", func(f *modeltest.File) { f.Tensors[0].Type = 4 }, []string{"token_embd.weight", "Q4_2 (type 4, removed from the format)"}},
		{"alignment", func(f *modeltest.File) { f.Set("general.alignment", uint32(0)) }, []string{"tiny.gguf", "general.alignment is 0"}},
		{"ALiBi", func(f *modeltest.File) { f.Set("llama.attention.max_alibi_bias", float32(8)) }, []string{"tiny.gguf", "llama.attention.max_alibi_bias is 8"}},
		{"unknown arithmetic", func(f *modeltest.File) { f.Set("llama.attention.twist", true) }, []string{"tiny.gguf", "llama.attention.twist"}},
		{"no tokenizer", func(f *modeltest.File) { f.Set("tokenizer.ggml.model", nil) }, []string{"tiny.gguf", "no tokenizer"}},
		{"one of two parts", func(f *modeltest.File) { f.Set("split.count", uint16(2)) }, []string{"tiny.gguf", "part 1 of 2", "-00001-of-00002.gguf"}},
		{"missing tensor", func(f *modeltest.File) { f.Remove("blk.0.attn_q.weight") }, []string{"blk.0.attn_q.weight"}},
		{"head dimension", func(f *modeltest.File) { reshape(f, 20) }, []string{"head dimension 20", "multiple of 8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := qaqvk(t, []string{"QAQVK_CACHE=" + t.TempDir()}, "run", "--device", "cpu", "--tokens", "2",
				"--prompt", "ab", "--model", writeModel(t, c.change))
			o.requireError(t, 1, c.want...)
		})
	}
	t.Run("missing", func(t *testing.T) {
		o := qaqvk(t, nil, "run", "--device", "cpu", "--model", "no-such.gguf")
		o.requireError(t, 1, "no-such.gguf", "no such file")
	})
	t.Run("truncated", func(t *testing.T) {
		path := writeModel(t, nil)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, info.Size()*3/4))
		qaqvk(t, nil, "run", "--device", "cpu", "--model", path).requireError(t, 1, path)
		require.NoError(t, os.Truncate(path, 10))
		qaqvk(t, nil, "run", "--device", "cpu", "--model", path).requireError(t, 1, path)
	})
}
