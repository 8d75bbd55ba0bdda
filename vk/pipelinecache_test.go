package vk

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// useCache opens with a cache file, compiles and closes; it tells whether the
// file was taken.
func useCache(t *testing.T, file string) bool {
	t.Helper()
	d, err := Open(Options{Device: testDevice(), Validation: true, PipelineCache: file})
	require.NoError(t, err)
	content, _ := os.ReadFile(file)
	taken := cachePayload(content, d.physical) != nil
	_, err = d.NewPipeline(shaders.Copy, []uint32{32})
	require.NoError(t, err)
	closeTest(t, d)
	return taken
}

func TestPipelineCacheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "pipelines")
	require.False(t, useCache(t, file), "no file yet")
	require.True(t, useCache(t, file))
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	rehashed := func(change func(data []byte)) []byte {
		c := append([]byte{}, good...)
		data := c[len(cacheMagic)+sha256.Size:]
		change(data)
		sum := sha256.Sum256(data)
		copy(c[len(cacheMagic):], sum[:])
		return c
	}
	bad := map[string][]byte{
		"empty":         {},
		"magic":         append([]byte("QAQVKPC0"), good[8:]...),
		"cut off":       good[:len(good)-1],
		"header only":   good[:60],
		"bit flipped":   append(append([]byte{}, good[:len(good)-1]...), good[len(good)-1]^1),
		"other version": rehashed(func(d []byte) { d[4]++ }),
		"other vendor":  rehashed(func(d []byte) { d[8]++ }),
		"other device":  rehashed(func(d []byte) { d[12]++ }),
		"other UUID":    rehashed(func(d []byte) { d[31]++ }),
	}
	for name, content := range bad {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(file, content, 0o644))
			require.False(t, useCache(t, file))
			require.True(t, useCache(t, file), "the file was not replaced")
		})
	}
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1, "temporary files stayed")
}

func TestPipelineCacheUnusable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Open(Options{Device: testDevice(), PipelineCache: filepath.Join(file, "under")})
	require.ErrorContains(t, err, "vk: pipeline cache: ")

	folder := filepath.Join(t.TempDir(), "folder")
	d, err := Open(Options{Device: testDevice(), PipelineCache: filepath.Join(folder, "pipelines")})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(folder, nil, 0o644))
	require.ErrorContains(t, d.Close(), "vk: pipeline cache: ")
	requireZero(t, d)
}
