package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// evalFiles are a tiny model, a text and tasks of it.
func evalFiles(t *testing.T) (model, text, tasks string) {
	model = writeModel(t, func(f *modeltest.File) { f.Set("llama.context_length", uint32(256)) })
	dir := t.TempDir()
	text, tasks = filepath.Join(dir, "king.txt"), filepath.Join(dir, "tasks.txt")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("the king in the ringing inner thing, there. ", 60)), 0o644))
	require.NoError(t, os.WriteFile(tasks, []byte(strings.Repeat("the king in\n1\nthe ring\nhere\nthing\ninner.\n", 3)), 0o644))
	return model, text, tasks
}

func TestEvalWritesItsResults(t *testing.T) {
	model, text, tasks := evalFiles(t)
	dir := t.TempDir()
	out, env := filepath.Join(dir, "r.json"), []string{"QAQVK_CACHE=" + filepath.Join(dir, "cache")}
	args := []string{"eval", "--device", "cpu", "--model", model, "--text", text, "--context", "160", "--tokens", "320", "--window", "16",
		"--methods", "f16,q4_0-hadamard,qaq", "--hellaswag", tasks, "--limit", "2", "--json", out}
	r := qaqvk(t, env, args...)
	require.Zero(t, r.status, r.stderr)
	require.Contains(t, r.stdout, "| q4_0-hadamard | 4.500 |")
	require.Regexp(t, `hellaswag: (\d+) of \d+`, r.stderr)

	data, err := os.ReadFile(out)
	require.NoError(t, err)
	var result struct {
		Model, Device, Text     string
		Context, Tokens, Window int
		Rows                    []map[string]any
	}
	require.NoError(t, json.Unmarshal(data, &result))
	require.Equal(t, []any{"tiny.gguf", "cpu", "king.txt", 160, 320, 16, 3}, []any{result.Model, result.Device, result.Text, result.Context, result.Tokens, result.Window, len(result.Rows)})
	for _, row := range result.Rows {
		for _, name := range []string{"method", "bpe", "store_ratio", "live_ratio", "ppl", "ppl_ratio", "kld", "kld99", "top1", "seconds", "tasks"} {
			require.NotNil(t, row[name], name)
		}
		task := row["tasks"].(map[string]any)["hellaswag"].(map[string]any)
		require.Equal(t, 2.0, task["n"])
		for _, name := range []string{"acc", "acc_norm", "delta", "ci"} {
			require.NotNil(t, task[name], name)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "cache", "eval-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestEvalLogits(t *testing.T) {
	model, text, _ := evalFiles(t)
	out := filepath.Join(t.TempDir(), "l.npy")
	r := qaqvk(t, []string{"QAQVK_CACHE=" + t.TempDir()}, "eval", "--device", "cpu", "--model", model, "--text", text, "--context", "160", "--tokens", "320",
		"--methods", "uniform-4", "--logits-out", out)
	require.Zero(t, r.status, r.stderr)
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Contains(t, string(data[:128]), "'shape': (320, 265)")
	require.Len(t, data, 128+4*320*265)
}

func TestBadEval(t *testing.T) {
	model, text, tasks := evalFiles(t)
	bad := filepath.Join(t.TempDir(), "bad.txt")
	require.NoError(t, os.WriteFile(bad, []byte("a\n9\nb\nc\nd\ne"), 0o644))
	for _, c := range []struct {
		name   string
		status int
		args   []string
		want   []string
	}{
		{"nothing to do", 2, nil, []string{"give --text, --hellaswag, --piqa or --choices"}},
		{"unknown method", 1, []string{"--text", text, "--methods", "best"}, []string{"--methods", `method "best"`, "known are f16"}},
		{"empty text name", 1, []string{"--text", ""}, []string{`--text "": is empty`}},
		{"missing text", 1, []string{"--text", "no-such.txt"}, []string{"--text", "no-such.txt", "no such file"}},
		{"short text", 1, []string{"--text", bad, "--context", "160"}, []string{"--text", "bad.txt", "shorter than the context of 160"}},
		{"context of the model", 1, []string{"--text", text, "--context", "512"}, []string{"context of 512 tokens", "130 to 256"}},
		{"bad label", 1, []string{"--hellaswag", bad}, []string{"--hellaswag", "bad.txt", `line 2: label "9": must be 0 to 3`}},
		{"missing tasks", 1, []string{"--piqa", "no-such.jsonl"}, []string{"--piqa", "no-such.jsonl"}},
		{"window", 1, []string{"--text", text, "--window", "0"}, []string{"--window 0: must be 1 to 1024"}},
		{"logits of two", 2, []string{"--text", text, "--logits-out", bad, "--methods", "f16,q4_0"}, []string{"--logits-out needs one method"}},
		{"needle without a text", 2, []string{"--hellaswag", tasks, "--needle"}, []string{"--needle and --logits-out need --text"}},
		{"exhibits without a text", 2, []string{"--hellaswag", tasks, "--paper", "p"}, []string{"--paper needs --text"}},
		{"shots of no tasks", 2, []string{"--text", text, "--shots", "2"}, []string{"--shots needs tasks"}},
		{"all tasks are shots", 1, []string{"--hellaswag", tasks, "--shots", "3"}, []string{"--hellaswag", "3 shots of 3 tasks: must leave one to ask"}},
		{"exhibits where a file is", 1, []string{"--text", text, "--paper", tasks}, []string{"--paper", "tasks.txt", "not a directory"}},
		{"results in no folder", 1, []string{"--text", text, "--json", "no/such/r.json"}, []string{"no/such/r.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := qaqvk(t, []string{"QAQVK_CACHE=" + t.TempDir()}, append([]string{"eval", "--device", "cpu", "--model", model}, c.args...)...)
			r.requireError(t, c.status, c.want...)
		})
	}
}
