package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/tune"
)

// tuneFiles are a tiny model, a text, another one, and a profile of the model.
func tuneFiles(t *testing.T) (model, text, other, profile string) {
	model = writeModel(t, func(f *modeltest.File) { f.Set("llama.context_length", uint32(512)) })
	dir := t.TempDir()
	text, other, profile = filepath.Join(dir, "king.txt"), filepath.Join(dir, "ring.txt"), filepath.Join(dir, "p.safetensors")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("the king in the ringing inner thing, there. ", 60)), 0o644))
	require.NoError(t, os.WriteFile(other, []byte(strings.Repeat("here the ring; there a thing or two. ", 60)), 0o644))
	_, errs, status := execution(t, "calibrate", "--model", model, "-o", profile, "--text", text, "--windows", "2", "--length", "256", "--bits", "3")
	require.Zero(t, status, errs)
	return model, text, other, profile
}

// tuneRun runs the command on the reference device and returns what it wrote.
func tuneRun(t *testing.T, out string, args ...string) (said string, r tuneResult) {
	t.Helper()
	results := filepath.Join(t.TempDir(), "r.json")
	said, errs, status := execution(t, append([]string{"tune", "--device", "cpu", "-o", out, "--json", results, "--context", "256", "--tokens", "256"}, args...)...)
	require.Zero(t, status, errs)
	data, err := os.ReadFile(results)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &r))
	return said, r
}

func TestTune(t *testing.T) {
	model, text, other, before := tuneFiles(t)
	out := filepath.Join(t.TempDir(), "tuned.safetensors")
	args := []string{"--model", model, "--profile", before, "--text", text, "--check", other, "--target-ratio", "4", "--measurements", "9"}
	said, r := tuneRun(t, out, args...)
	p, err := profile.Load(out)
	require.NoError(t, err)
	assert.Equal(t, r.Tuned.Setting, tune.SettingOf(p))
	assert.Equal(t, "king.txt; tuned to a ratio of 4 on king.txt", p.Source)
	assert.Equal(t, p.Hash(), r.Profile)
	assert.True(t, r.Met)
	assert.LessOrEqual(t, r.Tuned.Bits, 4.0)
	assert.GreaterOrEqual(t, r.Tuned.Bits, 3.96)
	assert.Equal(t, 4.0, *r.Target.Ratio)
	assert.Nil(t, r.Target.KLD)
	assert.Contains(t, said, p.Hash())
	require.Len(t, r.Texts, 2)
	for i, name := range []string{"king.txt", "ring.txt"} {
		rows := r.Texts[i].Rows
		assert.Equal(t, name, r.Texts[i].Text)
		assert.Equal(t, []string{methodPeer, methodBefore, methodSlope, methodTuned}, []string{rows[0].Method, rows[1].Method, rows[2].Method, rows[3].Method})
	}
	// The table is measured anew: it says what the search said.
	assert.Equal(t, r.Tuned.Figures, tune.Figures{KLD: *r.Texts[0].Rows[3].KLD, Bits: *r.Texts[0].Rows[3].BPE})
	again := filepath.Join(t.TempDir(), "again.safetensors")
	_, second := tuneRun(t, again, args...)
	assert.Equal(t, r.Measurements, second.Measurements)
	assert.Equal(t, r.Profile, second.Profile)
}

// The steps of a record of 128 elements are too coarse to come nearer.
func TestTuneToADivergence(t *testing.T) {
	model, text, _, before := tuneFiles(t)
	_, r := tuneRun(t, filepath.Join(t.TempDir(), "p"), "--model", model, "--profile", before, "--text", text, "--target-kld", ".05", "--minutes", "1e-6")
	assert.True(t, r.Met)
	assert.False(t, r.Converged)
	assert.LessOrEqual(t, r.Tuned.KLD, .05)
	assert.Greater(t, r.Tuned.KLD, .04)
	assert.Equal(t, .05, *r.Target.KLD)
	assert.Nil(t, r.Target.Ratio)
	assert.Equal(t, r.Slope, r.Tuned, "no time for a search")
}

func TestTuneRefuses(t *testing.T) {
	model, text, other, before := tuneFiles(t)
	dir := t.TempDir()
	out, short := filepath.Join(dir, "p"), filepath.Join(dir, "short.txt")
	require.NoError(t, os.WriteFile(short, []byte("the ring"), 0o644))
	ratio := []string{"-o", out, "--text", text, "--target-ratio", "4"}
	for want, args := range map[string][]string{
		"--output: no file given":                            {"--text", text, "--target-ratio", "4"},
		"--text: no file given":                              {"-o", out, "--target-ratio", "4"},
		"give --target-kld or --target-ratio":                {"-o", out, "--text", text},
		"--target-kld and --target-ratio: give one of both":  append(ratio, "--target-kld", "1"),
		"--target-ratio 1: must be above 1, at most 1000":    {"-o", out, "--text", text, "--target-ratio", "1"},
		"--target-kld 0: must be above 0, at most 100":       {"-o", out, "--text", text, "--target-kld", "0"},
		"--minutes 0: must be above 0":                       append(ratio, "--minutes", "0"),
		"absent/p: no such file":                             append(ratio, "-o", filepath.Join(dir, "absent", "p")),
		"absent/r: no such file":                             append(ratio, "--json", filepath.Join(dir, "absent", "r")),
		"--text: open ":                                      append(ratio, "--text", filepath.Join(dir, "absent")),
		"--check: open ":                                     append(ratio, "--check", filepath.Join(dir, "absent")),
		"--text: eval: short.txt: text of 5 tokens: shorter": append(ratio, "--text", short),
		"--check: eval: short.txt: text of 5 tokens":         append(ratio, "--check", other, "--check", short),
		"context of 1024 tokens: must be 130 to 512":         append(ratio, "--context", "1024"),
		"no profile of the model":                            append(ratio, "--profile", ""),
		"a ratio of 100: out of reach, can be ":              append(ratio, "--target-ratio", "100"),
	} {
		_, errs, status := execution(t, append([]string{"tune", "--device", "cpu", "--model", model, "--profile", before, "--context", "256", "--tokens", "1024"}, args...)...)
		assert.NotZero(t, status, want)
		assert.Contains(t, errs, want)
	}
	assert.NoFileExists(t, out)
}
