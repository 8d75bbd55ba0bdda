//go:build ggml

package llamatest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Go program that runs llama.cpp has the backend in its own process.
func TestYzma(t *testing.T) {
	program := filepath.Join(t.TempDir(), "yzma")
	build := exec.Command("go", "build", "-tags", "ggml", "-o", program, ".")
	build.Dir = "../../examples/yzma"
	build.Env = append(os.Environ(), "CGO_CFLAGS=-O2 -g -I"+filepath.Join(filepath.Dir(libraries), "include"))
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	c := exec.Command(program, libraries, gguf, "What is the capital of France?")
	c.Env = append(os.Environ(), "QAQVK_DEVICE=llvmpipe", "LD_LIBRARY_PATH="+libraries)
	var said logged
	c.Stderr = &said
	answer, err := c.Output()
	require.NoError(t, err, "%s", said)
	assert.Contains(t, string(answer), "Paris")
	assert.Contains(t, string(said), "QAQVK KV buffer")
	assert.Regexp(t, regexp.MustCompile(`[1-9]\d* attentions from the cache, 0 from memory`), string(said))
}

type logged []byte

func (l *logged) Write(p []byte) (int, error) {
	*l = append(*l, p...)
	return len(p), nil
}
