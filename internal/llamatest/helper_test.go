//go:build ggml

package llamatest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/kvhost"
	"github.com/qaqvk/qaqvk/internal/llamatest"
	"github.com/qaqvk/qaqvk/internal/modelfetch"
)

// What the tests run, set by TestMain.
var driver, library, libraries, gguf string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "llamatest-*")
	if err == nil {
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// build builds the driver and the backend for the llama.cpp of .ci/llama.sh.
func build(dir string) error {
	cache, err := modelfetch.CacheDir()
	if err != nil {
		return err
	}
	if gguf, err = modelfetch.Fetch(context.Background(), io.Discard); err != nil {
		return err
	}
	llama := filepath.Join(cache, "llama.cpp-v0.5.0")
	libraries = filepath.Join(llama, "lib")
	driver, library = filepath.Join(dir, "driver"), filepath.Join(dir, "libggml-qaqvk.so")
	include := "-I" + filepath.Join(llama, "include")
	if err := run(nil, "gcc", "-O2", "-Wall", "-Werror", "-o", driver, "driver/driver.c", include, "-L"+libraries,
		"-l:libllama.v0.5.0.so", "-l:libggml.v0.5.0.so", "-l:libggml-base.so", "-Wl,--allow-shlib-undefined"); err != nil {
		return err
	}
	return run([]string{"CGO_CFLAGS=-O2 -g " + include}, "go", "build", "-tags", "ggml", "-buildmode=c-shared", "-o", library, "../../cmd/libggml-qaqvk")
}

func run(env []string, name string, arguments ...string) error {
	c := exec.Command(name, arguments...)
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// process is a Process whose errors fail the test.
type process struct {
	*llamatest.Process
	t     *testing.T
	stats string
}

// start starts llama.cpp; with a policy, its KV cache in qaqvk.
func start(t *testing.T, policy string, o llamatest.Options, env ...string) *process {
	o.Driver, o.Libraries, o.Model = driver, libraries, cmp.Or(o.Model, gguf)
	p := &process{t: t, stats: filepath.Join(t.TempDir(), "stats.json")}
	if policy != "" {
		o.Backend = library
		o.Env = append(o.Env, "QAQVK_POLICY="+policy, "QAQVK_DEVICE=llvmpipe", "QAQVK_STATS="+p.stats)
	}
	o.Env = append(o.Env, env...)
	var err error
	p.Process, err = llamatest.Start(o)
	require.NoError(t, err)
	return p
}

func (p *process) call(name string, numbers ...int) int {
	p.t.Helper()
	n, err := p.Call(name, numbers...)
	require.NoError(p.t, err)
	return n
}

func (p *process) decode(batch ...llamatest.Token) [][]float32 {
	p.t.Helper()
	result, logits, err := p.Decode(batch)
	require.NoError(p.t, err)
	require.Zero(p.t, result, "llama_decode")
	return logits
}

func (p *process) tokens(text string) []int {
	p.t.Helper()
	out, err := p.Tokenize(text)
	require.NoError(p.t, err)
	return out
}

// feed decodes tokens of a sequence from a position on, so many at a time, and returns
// all their logits.
func (p *process) feed(sequence, from, batch int, tokens ...int) (out [][]float32) {
	p.t.Helper()
	for at := 0; at < len(tokens); at += batch {
		var b []llamatest.Token
		for i, id := range tokens[at:min(at+batch, len(tokens))] {
			b = append(b, llamatest.Token{ID: id, Position: from + at + i, Sequence: sequence, Wanted: true})
		}
		out = append(out, p.decode(b...)...)
	}
	return out
}

// generate goes on with the most likely token, n times, from the logits of the last one.
func (p *process) generate(sequence, from, n int, last []float32) (tokens []int, logits [][]float32) {
	p.t.Helper()
	for i := range n {
		tokens = append(tokens, most(last))
		logits = append(logits, p.feed(sequence, from+i, 1, tokens[i])...)
		last = logits[i]
	}
	return tokens, logits
}

func most(row []float32) (at int) {
	for i, x := range row {
		if x > row[at] {
			at = i
		}
	}
	return at
}

// end closes the process and returns what its buffers report; nil without qaqvk.
func (p *process) end() []kvhost.Report {
	p.t.Helper()
	require.NoError(p.t, p.Close())
	data, err := os.ReadFile(p.stats)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(p.t, err)
	var file struct{ Buffers []kvhost.Report }
	require.NoError(p.t, json.Unmarshal(data, &file))
	return file.Buffers
}

// requireSame requires the same bits.
func requireSame(t *testing.T, want, got [][]float32, what string) {
	t.Helper()
	require.Equal(t, len(want), len(got))
	for i := range want {
		if !slices.Equal(want[i], got[i]) {
			require.Failf(t, what, "logits of token %d are %.6f nats apart", i, llamatest.Divergence(want[i], got[i]))
		}
	}
}
