// Package examples builds and runs the programs in its folders that are parts of this module.
package examples

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the programs print.
const (
	decoded = "100 tokens, 80 of them in pages: 3.00 bits for K, 3.78 for V\n" +
		"59 promotions, digest of the attention 5c2fc80a\n"
	forked = "140 tokens, 128 of them in 32 pages\n" +
		"150 tokens, 144 of them in 36 pages\n" +
		"160 tokens, 144 of them in 36 pages\n" +
		"together they had 64 pages and have 36\n"
	adopted = "the same bits as on the CPU: true\n" +
		"the device still works: true\n"
)

// TestExamples: each program prints the same on every device that it can have.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, "./...").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, c := range []struct {
		name, device, want string
	}{
		{"decode", "cpu", decoded}, {"decode", "", decoded}, {"decode", "both:", decoded},
		{"forks", "cpu", forked}, {"forks", "", forked},
		{"adopt", "", adopted},
	} {
		t.Run(c.name+" "+c.device, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			program := exec.CommandContext(t.Context(), filepath.Join(dir, c.name), c.device)
			program.Stdout, program.Stderr = &stdout, &stderr
			require.NoError(t, program.Run(), "%s", stderr.String())
			require.Equal(t, c.want, stdout.String())
			require.Empty(t, stderr.String())
		})
	}
}
