//go:build ggml

package llamatest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/llamatest"
)

// Another release of ggml is refused in one line, before anything else of it is called.
func TestOtherReleases(t *testing.T) {
	stub := filepath.Join(t.TempDir(), "stub")
	require.NoError(t, run(nil, "gcc", "-O2", "-Wall", "-Werror", "-rdynamic", "-o", stub, "driver/stub.c", "-ldl"))
	for want, release := range map[string][]string{
		"qaqvk: ggml 0.25.2 (0ad4a86): this library is for ggml 0.25.1 (0ad4a86), going on without it\n":                         {"0.25.2", "0ad4a86"},
		"qaqvk: ggml 0.25.1 (unknown): this library is for ggml 0.25.1 (0ad4a86), going on without it\n":                         {"0.25.1", "unknown"},
		"qaqvk: ggml has no ggml_backend_reg_get_proc_address: this library is for ggml 0.25.1 (0ad4a86), going on without it\n": {"0.25.1", "0ad4a86"},
	} {
		out, err := exec.Command(stub, library, release[0], release[1]).CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Equal(t, want, string(out))
	}
}

// A variable that is wrong is named, and llama.cpp goes on without us.
func TestWrongSettings(t *testing.T) {
	p := start(t, "qaq", llamatest.Options{}, "QAQVK_BITS=2")
	p.feed(0, 0, 4, 1, 2, 3, 4)
	assert.Contains(t, p.Log(), "qaqvk: QAQVK_BITS and QAQVK_BUDGET are of QAQVK_POLICY=calibrated, not of qaq")
	assert.NotContains(t, p.Log(), "QAQVK KV buffer")
	assert.Nil(t, p.end())
}

// A device that there is not leaves rows in memory.
func TestNoDevice(t *testing.T) {
	p := start(t, "qaq", llamatest.Options{}, "QAQVK_DEVICE=nonesuch")
	p.feed(0, 0, 4, 1, 2, 3, 4)
	assert.Contains(t, p.Log(), "attention from host memory: QAQVK_DEVICE=nonesuch")
	r := p.end()
	assert.Nil(t, r[0].Cache)
	assert.Equal(t, int64(layers), r[0].Ops.Host)
}

// A process that is killed leaves nothing that another one stumbles over.
func TestKilled(t *testing.T) {
	cache := t.TempDir()
	env := []string{"QAQVK_CACHE=" + cache}
	p := start(t, "qaq", llamatest.Options{}, env...)
	tokens := p.tokens(prose)
	ended := make(chan error)
	go func() {
		var err error
		for i := 0; err == nil; i++ {
			_, _, err = p.Decode([]llamatest.Token{{ID: tokens[i%len(tokens)], Position: i, Sequence: 0}})
		}
		ended <- err
	}()
	time.Sleep(300 * time.Millisecond)
	require.NoError(t, p.Kill())
	require.Error(t, <-ended)
	assert.NoFileExists(t, p.stats)
	q := start(t, "qaq", llamatest.Options{}, env...)
	q.feed(0, 0, 20, tokens[:40]...)
	assert.Equal(t, int64(2*layers), q.end()[0].Ops.Attended)
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	for _, f := range left {
		assert.Equal(t, "pipelines", f.Name())
	}
}
