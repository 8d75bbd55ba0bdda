package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// binary is the command as built from this tree, with the tags of the tests.
var binary, tags string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "qaqvk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "qaqvk")
	out, err := exec.Command("go", "build", "-tags", tags, "-o", binary, ".").CombinedOutput()
	status := 1
	if err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
	} else {
		status = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// outcome of a run of the command.
type outcome struct {
	status         int
	stdout, stderr string
}

// qaqvk runs the command with additions to the environment.
func qaqvk(t *testing.T, env []string, args ...string) outcome {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary, args...)
	c.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// requireError wants the exit status and, as the last line of standard error
// and the only one of its kind, an error with all the parts.
func (o outcome) requireError(t *testing.T, status int, parts ...string) {
	require.Equal(t, status, o.status, o.stderr)
	lines := strings.Split(strings.TrimRight(o.stderr, "\n"), "\n")
	last := lines[len(lines)-1]
	require.Truef(t, strings.HasPrefix(last, "qaqvk: "), "%q", o.stderr)
	require.Equal(t, 1, strings.Count(o.stderr, "qaqvk: "), o.stderr)
	for _, p := range parts {
		require.Contains(t, last, p)
	}
	require.NotContains(t, o.stderr, "goroutine ")
	require.NotContains(t, o.stderr, "panic")
}
