package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// What a run records can be read and is what its report says; a page is made of it.
func TestRecordAndReport(t *testing.T) {
	dir := t.TempDir()
	file, page, results := filepath.Join(dir, "r.qaqrec"), filepath.Join(dir, "r.html"), filepath.Join(dir, "r.json")
	o := qaqvk(t, []string{"QAQVK_CACHE=" + t.TempDir()}, "run", "--device", "cpu", "--model", writeModel(t, nil), "--policy", "qaq", "--tokens", "40", "--ignore-end",
		"--prompt", "in the beginning there was nothing", "--record", file, "--json", results)
	require.Equal(t, 0, o.status, o.stderr)
	r, err := recording.Load(file)
	require.NoError(t, err)
	f := fields(t, results)
	state := recording.NewState(&r.Header)
	for _, s := range r.Steps {
		require.NoError(t, state.Apply(s))
	}
	require.Len(t, state.Tokens, int(f["tokens"]["prompt"].(float64))+39)
	require.Equal(t, f["quality"]["kld"], *r.End.KLD)
	require.Equal(t, f["tokens_per_s"]["decode"], r.End.Decode)

	o = qaqvk(t, nil, "report", file, "-o", page)
	require.Equal(t, 0, o.status, o.stderr)
	require.Empty(t, o.stderr)
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.True(t, strings.Contains(string(html), "39 generated"))

	data, err := os.ReadFile(file)
	require.NoError(t, err)
	short := filepath.Join(dir, "short")
	require.NoError(t, os.WriteFile(short, data[:len(data)-9], 0o644))
	o = qaqvk(t, nil, "report", short, "-o", page)
	require.Equal(t, 0, o.status, o.stderr)
	require.Contains(t, o.stderr, "shown as far as it goes: recording: "+short+": after ")
	require.Contains(t, o.stderr, "recording ends early")
	html, err = os.ReadFile(page)
	require.NoError(t, err)
	require.True(t, strings.Contains(string(html), `class="missing"`))
}

func TestReportRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte("no recording of anything"), 0o644))
	page := filepath.Join(dir, "r.html")
	for _, c := range []struct {
		status int
		args   []string
		parts  []string
	}{
		{2, []string{"report"}, []string{"0 files given"}},
		{2, []string{"report", "a", "b"}, []string{"2 files given"}},
		{2, []string{"report", text}, []string{"--output: no file given"}},
		{1, []string{"report", text, "-o", page}, []string{text, "no recording of qaqvk"}},
		{1, []string{"report", filepath.Join(dir, "none"), "-o", page}, []string{"none", "no such file"}},
		{1, []string{"report", text, "-o", filepath.Join(dir, "no", "r.html")}, []string{"no such file"}},
		{1, []string{"run", "--record", dir}, []string{dir, "is a folder"}},
	} {
		qaqvk(t, nil, c.args...).requireError(t, c.status, c.parts...)
		require.NoFileExists(t, page)
	}
}
