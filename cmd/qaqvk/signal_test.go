package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A signal ends every command soon, in one line, with no results file.
func TestInterrupt(t *testing.T) {
	for name, args := range map[string][]string{
		"conformance": {"conformance", "--device", "llvmpipe"},
		"bench":       {"bench", "--device", "llvmpipe", "--filter", "decode"},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(name+" "+sig.String(), func(t *testing.T) { interrupt(t, sig, args) })
		}
	}
}

// interrupt sends the signal after the first line of progress.
func interrupt(t *testing.T, sig syscall.Signal, args []string) {
	dir := t.TempDir()
	c := exec.Command(binary, append(args, "--json", filepath.Join(dir, "r.json"))...)
	c.Env = append(os.Environ(), "QAQVK_CACHE="+t.TempDir())
	stderr, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	lines := bufio.NewReader(stderr)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, c.Process.Signal(sig))
	sent := time.Now()
	var rest bytes.Buffer
	_, err = lines.WriteTo(&rest)
	require.NoError(t, err)
	require.Error(t, c.Wait())
	require.Less(t, time.Since(sent), 10*time.Second)
	outcome{c.ProcessState.ExitCode(), "", first + rest.String()}.requireError(t, 1, "qaqvk: interrupted")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
