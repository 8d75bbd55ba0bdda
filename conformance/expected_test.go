package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write expected.json from the reference, and the names in cases.json")

// sourcesDigest is over all that decides the expected digests: the reference,
// the layout, the builders and the cases. No GLSL.
func sourcesDigest(t *testing.T) string {
	files := []string{"../shaders/layout.go", "../shaders/levels.go", "../shaders/plan.go", "../shaders/calibrated.go", "../shaders/arranged.go",
		"../shaders/plan_calibrated.go", "../shaders/workgroups.go", "../shaders/jobs_gen.go", "cases.json"}
	for _, pattern := range []string{"../cpuref/*.go", "*.go"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	slices.Sort(files)
	h := sha256.New()
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		sum := sha256.Sum256(text)
		h.Write([]byte(f + " " + hex.EncodeToString(sum[:]) + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// expectedByReference runs every case with cpuref.
func expectedByReference(t *testing.T) *Expected {
	cases, err := Cases()
	require.NoError(t, err)
	e := &Expected{Sources: sourcesDigest(t), Cases: map[string]string{}}
	all := newRunDigest()
	for _, c := range cases {
		p, err := c.build()
		require.NoError(t, err)
		words, err := p.reference()
		require.NoError(t, err, c.Name)
		require.NoError(t, p.holds(words), c.Name)
		digest := digestOf(p, words)
		e.Cases[c.Name] = digest
		all.add(c.Name, digest)
	}
	e.Digest = all.String()
	return e
}

func TestExpectedIsWhatTheReferenceGives(t *testing.T) {
	want := expectedByReference(t)
	if *update {
		text, err := json.MarshalIndent(want, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile("expected.json", append(text, '\n'), 0o644))
		return
	}
	got, err := loadExpected()
	require.NoError(t, err)
	assert.Equal(t, want.Cases, got.Cases, "run: make update")
	assert.Equal(t, want.Digest, got.Digest)
	assert.Equal(t, want.Sources, got.Sources, "sources changed, run: make update")
}
