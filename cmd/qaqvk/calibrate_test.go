package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// execution returns what a command line prints and its status.
func execution(t *testing.T, args ...string) (out, errs string, status int) {
	var stdout, stderr strings.Builder
	status = execute(t.Context(), args, &stdout, &stderr)
	return stdout.String(), stderr.String(), status
}

func TestCalibrate(t *testing.T) {
	model := writeModel(t, func(f *modeltest.File) { f.Set("llama.context_length", uint32(512)) })
	dir := t.TempDir()
	text, out := filepath.Join(dir, "text.txt"), filepath.Join(dir, "p.safetensors")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("the thing in the ring, ", 60)), 0o644))
	said, errs, status := execution(t, "calibrate", "--model", model, "-o", out, "--text", text, "--windows", "2", "--length", "256", "--bits", "2")
	require.Zero(t, status, errs)
	assert.Contains(t, said, "stored bits an element")
	p, err := profile.Load(out)
	require.NoError(t, err)
	assert.Contains(t, said, p.Hash())
	assert.Equal(t, modeltest.KVHeads, p.Shape.KVHeads)
	assert.Equal(t, "text.txt", p.Source)
	assert.Contains(t, said, fmt.Sprintf("stored bits an element    %.3f", p.Bits()))
	_, errs, status = execution(t, "calibrate", "--model", model, "-o", out, "--text", text, "--windows", "1", "--length", "256", "--forward-only")
	require.Zero(t, status)
	assert.Contains(t, errs, "much weaker")
	_, errs, status = execution(t, "calibrate", "--model", model, "-o", out, "--text", text, "--windows", "1", "--length", "256", "--bits", "0.01")
	assert.NotZero(t, status)
	assert.Contains(t, errs, "0.01 bits an element, can be")
}

func TestCalibrateRefuses(t *testing.T) {
	model, dir := writeModel(t, nil), t.TempDir()
	out := filepath.Join(dir, "p")
	short := filepath.Join(dir, "short.txt")
	require.NoError(t, os.WriteFile(short, []byte("the ring"), 0o644))
	for want, args := range map[string][]string{
		"--output: no file given":      {},
		"no such file":                 {"-o", out, "--text", filepath.Join(dir, "absent")},
		"at least 256":                 {"-o", out, "--text", short}, // the context of 96
		"--text: no file given":        {"-o", out},
		"--bits 17: must be":           {"-o", out, "--bits", "17"},
		"--length 8: must be 256":      {"-o", out, "--length", "8"},
		"absent/p: no such":            {"-o", filepath.Join(dir, "absent", "p"), "--text", short},
		"unexpected argument \"more\"": {"-o", out, "more"},
	} {
		_, errs, status := execution(t, append([]string{"calibrate", "--model", model}, args...)...)
		assert.NotZero(t, status, want)
		assert.Contains(t, errs, want)
	}
	assert.NoFileExists(t, out)
}
