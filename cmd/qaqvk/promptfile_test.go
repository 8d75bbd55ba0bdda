package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// The prompt of a file and the answer fill the context.
func TestRunPromptFile(t *testing.T) {
	model := writeModel(t, func(f *modeltest.File) { f.Set("llama.context_length", uint32(512)) })
	dir := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(dir, "prompt.txt")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	json := filepath.Join(dir, "r.json")
	args := func(path string, more ...string) []string {
		return append([]string{"run", "--device", "cpu", "--model", model, "--policy", "none", "--tokens", "8",
			"--ignore-end", "--no-compare", "--json", json, "--prompt-file", path}, more...)
	}
	o := qaqvk(t, nil, args(write("z"))...)
	require.Equal(t, 0, o.status, o.stderr)
	frame := int(fields(t, json)["tokens"]["prompt"].(float64)) - 1 // a token a letter, the others are the template's

	fitting := 512 - 8 - frame
	o = qaqvk(t, nil, args(write(strings.Repeat("z", fitting)))...)
	require.Equal(t, 0, o.status, o.stderr)
	require.Equal(t, 504.0, fields(t, json)["tokens"]["prompt"])
	samples := fields(t, json)["growth"]["samples"].([]any)
	require.Equal(t, 511.0, samples[len(samples)-1].(map[string]any)["tokens"])

	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"too long", args(write(strings.Repeat("z", fitting+1))), "prompt of 505 tokens and 8 more: the model's context is 512"},
		{"missing", args(filepath.Join(dir, "no.txt")), "--prompt-file: open " + filepath.Join(dir, "no.txt")},
		{"folder", args(dir), "--prompt-file: read " + dir},
		{"both", args(json, "--prompt", "z"), "--prompt and --prompt-file: give one of them"},
		{"empty", args(os.DevNull), "is empty"},
	} {
		t.Run(c.name, func(t *testing.T) { qaqvk(t, nil, c.args...).requireError(t, 1, c.want) })
	}
}
