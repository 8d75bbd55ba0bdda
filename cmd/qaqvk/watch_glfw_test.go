//go:build glfw

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func init() { tags = "glfw" }

func TestWatchNeedsADisplay(t *testing.T) {
	for _, args := range [][]string{{"watch"}, {"run", "--watch"}, {"watch", "--replay", "../../internal/recording/testdata/smollm2.qaqrec"}} {
		qaqvk(t, []string{"DISPLAY="}, append(args, "--device", "cpu")...).requireError(t, 1, "DISPLAY is not set", "run --record FILE", "qaqvk report")
	}
}

// When the window system goes away in the middle, the text is generated to its end and
// all results are written.
func TestVulkanWatchOutlivesItsWindow(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{w}
	require.NoError(t, x.Start())
	t.Cleanup(func() { _ = x.Process.Kill(); _ = x.Wait() })
	number := make([]byte, 16)
	n, err := r.Read(number)
	require.NoError(t, err)

	dir := t.TempDir()
	file, results := filepath.Join(dir, "r.qaqrec"), filepath.Join(dir, "r.json")
	c := exec.Command(binary, "watch", "--device", "cpu", "--model", writeModel(t, nil), "--policy", "qaq", "--tokens", "70", "--ignore-end",
		"--prompt", "in the beginning there was nothing", "--record", file, "--json", results)
	c.Env = append(os.Environ(), "DISPLAY=:"+string(bytes.TrimSpace(number[:n])), "QAQVK_CACHE="+t.TempDir())
	var stderr bytes.Buffer
	c.Stderr = &stderr
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	ended := make(chan error, 1)
	first := make([]byte, 1)
	_, err = io.ReadFull(stdout, first) // text is there
	require.NoError(t, err, "no text: %s", &stderr)
	require.NoError(t, x.Process.Kill())
	var rest []byte
	go func() {
		rest, _ = io.ReadAll(stdout)
		ended <- c.Wait()
	}()
	select {
	case err = <-ended:
	case <-time.After(time.Minute):
		_ = c.Process.Kill()
		require.Fail(t, "the command does not end")
	}
	require.NoError(t, err, stderr.String())
	require.Contains(t, stderr.String(), "the window system went away; the run was not touched")
	require.Equal(t, 70.0, fields(t, results)["tokens"]["generated"])
	require.Contains(t, string(rest), "tokens/s decode")
	o := qaqvk(t, nil, "report", file, "-o", filepath.Join(dir, "r.html"))
	require.Equal(t, 0, o.status, o.stderr)
	require.False(t, strings.Contains(o.stderr, "as far as it goes"), "the recording is whole")
}
