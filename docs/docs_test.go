// Package docs has the pages about qaqvk, and a test that they name what is there.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	named  = regexp.MustCompile("`([A-Za-z0-9_./*-]+(?:\\.(?:go|comp|glsl|sh|json)|/))`")
	linked = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)
	made   = regexp.MustCompile(`NAME|^/|^report\.json$`) // by the reader
)

// bases are the folders that names in the pages begin at.
var bases = []string{"..", "../backend", "../backend/internal", "../backend/policy", "../shaders", "../internal/model", "../conformance"}

// TestPagesNameFiles: every file that a page names or links is there.
func TestPagesNameFiles(t *testing.T) {
	pages := []string{"../README.md", "../CONTRIBUTING.md", "architecture.md", "drivers.md", "json.md", "embedding.md"}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range linked.FindAllSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(page), string(m[1])))
			assert.NoError(t, err, "%s links %s", page, m[1])
		}
		for _, m := range named.FindAllSubmatch(text, -1) {
			name := string(m[1])
			assert.True(t, made.MatchString(name) || exists(name), "%s names %s", page, name)
		}
	}
}

// exists tells whether a name or pattern is that of a file below some base.
func exists(name string) bool {
	for _, base := range bases {
		if found, err := filepath.Glob(filepath.Join(base, name)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}
