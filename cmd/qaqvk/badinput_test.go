package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

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
		{"unknown policy", []string{"run", "--policy", "best"}, []string{"--policy", "best", "none uniform qaq h2o scissorhands"}},
		{"unknown level", []string{"run", "--level", "row"}, []string{"--level", "row", "head layer token"}},
		{"unknown formula", []string{"run", "--formula", "x"}, []string{"--formula", "paper authors"}},
		{"unknown limits", []string{"bench", "--limits", "low"}, []string{"--limits", "device minimum"}},
		{"bad expression", []string{"conformance", "--filter", "("}, []string{"--filter", "missing closing )"}},
		{"bad tuning", []string{"bench", "--device", "cpu", "--tune", "encode.LANES=x"}, []string{"--tune", "encode.LANES=x"}},
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
		{"no tokens", []string{"--tokens", "0"}, []string{"0 tokens", "at least 1"}},
		{"alpha too large", []string{"--alpha", "0.2"}, []string{"alpha 0.2", "0..0.1"}},
		{"alpha negative", []string{"--alpha", "-0.01"}, []string{"alpha -0.01", "0..0.1"}},
		{"alpha no number", []string{"--alpha", "NaN"}, []string{"alpha NaN", "0..0.1"}},
		{"uniform bits", []string{"--policy", "uniform", "--bits", "9"}, []string{"9 bits", "0..8"}},
		{"least bits", []string{"--bits-min", "-1"}, []string{"least bits -1", "0..8"}},
		{"most bits", []string{"--bits-max", "12"}, []string{"most bits 12", "1..8 or 16"}},
		{"budget", []string{"--policy", "h2o", "--budget", "0"}, []string{"h2o: budget of 0 tokens", "at least 1"}},
		{"target error", []string{"--error-v", "0"}, []string{"target error 0", "above 0"}},
		{"temperature", []string{"--temperature", "-1"}, []string{"temperature -1"}},
		{"top-p", []string{"--top-p", "1.5"}, []string{"top-p 1.5"}},
		{"host budget", []string{"--host-budget", "-1"}, []string{"host-budget -1", "0 to"}},
		{"reserve", []string{"--reserve", "-1"}, []string{"reserve -1", "0 to"}},
		{"reserve no number", []string{"--reserve", "NaN"}, []string{"reserve NaN", "0 to"}},
		{"capacity negative", []string{"--capacity", "-1"}, []string{"capacity", "-1"}},
		{"context longer than capacity", []string{"--capacity", "4", "--prompt", "ab ab ab ab"}, []string{"capacity 4"}},
		{"context longer than the model's", []string{"--tokens", "1000000"}, []string{"1000000", "context is"}},
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

func TestBadModel(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*modeltest.File)
		want   []string
	}{
		{"architecture", func(f *modeltest.File) { f.Set("general.architecture", "rwkv") }, []string{"rwkv", "llama"}},
		{"weight type", func(f *modeltest.File) { f.Tensors[0].Type = 16 }, []string{"token_embd.weight", "type"}},
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
