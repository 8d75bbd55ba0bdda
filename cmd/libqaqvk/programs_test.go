package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// library is the folder of the library, which the first test that wants it builds.
var library struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if library.dir != "" {
		_ = os.RemoveAll(library.dir) // of the system's temporary folder
	}
	os.Exit(code)
}

func libraryDir(t *testing.T) string {
	t.Helper()
	library.Do(func() {
		if library.dir, library.err = os.MkdirTemp("", "libqaqvk"); library.err == nil {
			_, library.err = run(nil, "../../.ci/lib.sh", library.dir)
		}
	})
	require.NoError(t, library.err)
	return library.dir
}

// run runs a program and returns what it wrote; an error has that too.
func run(environment []string, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), environment...)
	out, err := c.CombinedOutput()
	if err != nil {
		return string(out), &failure{strings.Join(append([]string{name}, args...), " "), err, out}
	}
	return string(out), nil
}

type failure struct {
	what string
	err  error
	out  []byte
}

func (f *failure) Error() string { return f.what + ": " + f.err.Error() + "\n" + string(f.out) }

// compile makes a program of testdata, or of a source that is given, with the flags that
// pkg-config tells.
func compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	dir := libraryDir(t)
	found, err := run([]string{"PKG_CONFIG_PATH=" + dir}, "pkg-config", "--cflags", "--libs", "qaqvk")
	require.NoError(t, err)
	compiler, standard := "gcc", "-std=c99"
	if strings.HasSuffix(source, ".cpp") {
		compiler, standard = "g++", "-std=c++17"
	}
	program := filepath.Join(t.TempDir(), "program")
	args := append([]string{standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-o", program, source, "-Wl,-rpath," + dir}, flags...)
	_, err = run(nil, compiler, append(append(args, strings.Fields(found)...), "-lm", "-lpthread", "-ldl")...)
	require.NoError(t, err)
	return program
}

// runs runs a program, which says ok and nothing else.
func runs(t *testing.T, environment []string, program string, args ...string) {
	t.Helper()
	out, err := run(environment, program, args...)
	require.NoError(t, err)
	require.Equal(t, "ok\n", out)
}

// llvmpipe is the description of the driver and its library.
func llvmpipe(t *testing.T) (icd, driver string) {
	t.Helper()
	found, err := filepath.Glob("/usr/share/vulkan/icd.d/lvp_icd*.json")
	require.NoError(t, err)
	require.NotEmpty(t, found, "no llvmpipe: run make setup")
	text, err := os.ReadFile(found[0])
	require.NoError(t, err)
	var file struct {
		ICD struct {
			Library string `json:"library_path"`
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	return found[0], file.ICD.Library
}

// TestC: C programs on the reference, with address and leak checks.
func TestC(t *testing.T) {
	for _, source := range []string{"cache.c", "errors.c"} {
		t.Run(source, func(t *testing.T) {
			runs(t, nil, compile(t, filepath.Join("testdata", source), "-fsanitize=address"), "cpu")
		})
	}
}

// TestVulkanC: the same on llvmpipe; the driver stays loaded, so that what it keeps until
// the end counts as its own.
func TestVulkanC(t *testing.T) {
	icd, driver := llvmpipe(t)
	for _, source := range []string{"cache.c", "errors.c"} {
		t.Run(source, func(t *testing.T) {
			program := compile(t, filepath.Join("testdata", source), "-fsanitize=address")
			runs(t, []string{"VK_ICD_FILENAMES=" + icd, "QAQVK_TEST_PIN=" + driver}, program, "llvmpipe")
		})
	}
}

// TestVulkanRecord: C++ programs with a Vulkan device of their own, of the loader with the
// validation layer watching, with as little of Vulkan as there can be and as wgpu makes one, and of
// the driver without a loader.
func TestVulkanRecord(t *testing.T) {
	icd, driver := llvmpipe(t)
	program := compile(t, "testdata/record.cpp")
	for _, style := range []string{"plain", "wgpu"} {
		t.Run("loader "+style, func(t *testing.T) {
			runs(t, []string{"VK_ICD_FILENAMES=" + icd, "VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation",
				"VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT"}, program, "libvulkan.so.1", style)
		})
	}
	t.Run("driver", func(t *testing.T) {
		runs(t, []string{"VK_ICD_FILENAMES=/none"}, program, driver, "wgpu")
	})
}

// TestLeaksFail: the leak check finds a leak, one of the library's too.
func TestLeaksFail(t *testing.T) {
	source := filepath.Join(t.TempDir(), "leak.c")
	require.NoError(t, os.WriteFile(source, []byte(`#include <qaqvk.h>
#include <stdlib.h>
static void *volatile kept;
int main(void) {
  qaqvk_device device;
  if (qaqvk_device_open("cpu", NULL, &device) || qaqvk_device_close(device)) return 1;
  kept = malloc(77);
  kept = NULL;
  return 0;
}
`), 0o600))
	out, err := run(nil, compile(t, source, "-fsanitize=address"))
	require.Error(t, err)
	require.Contains(t, out, "77 byte(s) leaked in 1 allocation(s)")
}
