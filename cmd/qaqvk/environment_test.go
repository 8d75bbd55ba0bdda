package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/modelfetch"
)

// withoutLoader is a library folder whose Vulkan loaders have no entry point.
func withoutLoader(t *testing.T) string {
	dir := t.TempDir()
	source := filepath.Join(dir, "empty.c")
	require.NoError(t, os.WriteFile(source, nil, 0o644))
	for _, name := range []string{"libvulkan.so.1", "libvulkan.so"} {
		out, err := exec.Command("cc", "-shared", "-o", filepath.Join(dir, name), source).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return dir
}

func TestNoVulkan(t *testing.T) {
	broken := withoutLoader(t)
	none := []string{"VK_ICD_FILENAMES=/no/such.json", "VK_DRIVER_FILES=/no/such.json"} // loaders prefer the newer one
	for _, c := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"no driver, list", none, []string{"devices"}, "no Vulkan driver"},
		{"no driver, open", none, []string{"bench"}, "no Vulkan driver"},
		{"no loader", []string{"LD_LIBRARY_PATH=" + broken}, []string{"devices"}, "no Vulkan loader"},
		{"unknown device", nil, []string{"bench", "--device", "voodoo"}, `device "voodoo": unknown device; there are: 0 `},
		{"unknown index", nil, []string{"bench", "--device", "99"}, `device "99": unknown device`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := qaqvk(t, c.env, c.args...)
			o.requireError(t, 1, c.want)
			require.Empty(t, o.stdout)
		})
	}
}

func TestWrongChecksum(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, modelfetch.Name)
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o644))
	o := qaqvk(t, []string{"QAQVK_CACHE=" + dir}, "run", "--device", "cpu")
	o.requireError(t, 1, path, "wrong checksum",
		"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", modelfetch.SHA256)
}

// A python3 that behaves as pip does on a full disk.
const fullDisk = `#!/bin/sh
echo half > "$TMPDIR/half.whl"
echo "Traceback (most recent call last):" >&2
echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device" >&2
exit 1
`

func TestFullCacheFolder(t *testing.T) {
	bin, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "python3"), []byte(fullDisk), 0o755))
	o := qaqvk(t, []string{"QAQVK_CACHE=" + cache, "PATH=" + bin + ":" + os.Getenv("PATH")}, "run", "--device", "cpu")
	o.requireError(t, 1, "cache folder "+cache+": fetching needs 200 MB: no space left on device")
	require.NotContains(t, o.stderr, "Traceback")
	entries, err := os.ReadDir(cache)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, e.Name(), "fetch", "a part of the download was left")
		require.NotContains(t, e.Name(), "gguf")
	}
}

func TestCacheFolderIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	qaqvk(t, []string{"QAQVK_CACHE=" + file}, "run", "--device", "cpu").requireError(t, 1, file, "not a directory")
}

// Only what keeps files needs a cache folder.
func TestNoCacheFolder(t *testing.T) {
	none := []string{"QAQVK_CACHE=", "XDG_CACHE_HOME=", "HOME="}
	o := qaqvk(t, none, "conformance", "--device", "cpu", "--filter", "^copy/n31/")
	require.Equal(t, 0, o.status, o.stderr)
	qaqvk(t, none, "run", "--device", "cpu").requireError(t, 1, "cache folder")
}

// Compiled pipelines that cannot be kept cost time only.
func TestPipelinesCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "pipelines"), 0o755))
	o := qaqvk(t, []string{"QAQVK_CACHE=" + dir}, "conformance", "--device", "llvmpipe", "--filter", "^copy/n31/")
	require.Equal(t, 0, o.status, o.stderr)
}

func TestBadReference(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.safetensors")
	require.NoError(t, os.WriteFile(bad, []byte("short"), 0o644))
	for name, file := range map[string]string{"missing": "no-such.safetensors", "truncated": bad} {
		t.Run(name, func(t *testing.T) {
			qaqvk(t, nil, "reference", "--device", "cpu", file).requireError(t, 1, filepath.Base(file))
		})
	}
}

func TestNothingSelected(t *testing.T) {
	for _, command := range []string{"bench", "conformance"} {
		qaqvk(t, nil, command, "--device", "cpu", "--filter", "^nothing$").requireError(t, 1, `no case matches "^nothing$"`)
	}
}

// Weights that are not finite stop the run before it begins, values that overflow
// when they are computed.
func TestNonFiniteRows(t *testing.T) {
	for value, want := range map[string][]string{
		"\x00\x00\xc0\x7f": {"tiny.gguf", `tensor "blk.0.attn_norm.weight"`, "element 0 is NaN"},
		"\xff\xff\x7f\x7f": {"layer 0", "token 0", "not finite"}, // the largest f32
	} {
		model := writeModel(t, func(f *modeltest.File) {
			w := f.Tensor("blk.0.attn_norm.weight")
			copy(w.Data, strings.Repeat(value, len(w.Data)/4))
		})
		o := qaqvk(t, []string{"QAQVK_CACHE=" + t.TempDir()}, "run", "--device", "cpu", "--policy", "uniform",
			"--model", model, "--tokens", "2", "--prompt", "ab")
		o.requireError(t, 1, want...)
	}
}
