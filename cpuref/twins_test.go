package cpuref

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each GLSL file has a file of its name here, but for what package shaders has
// in Go and what only makes a kernel faster.
func TestFilesHaveTwins(t *testing.T) {
	alone := map[string]bool{"config": true, "jobs": true, "layout": true, "select_few": true, "sum": true}
	for _, pattern := range []string{"*.comp", "lib/*.glsl"} {
		found, err := filepath.Glob(filepath.Join("..", "shaders", filepath.FromSlash(pattern)))
		require.NoError(t, err)
		require.NotEmpty(t, found)
		for _, path := range found {
			name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
			if _, err := os.Stat(name + ".go"); !alone[name] {
				assert.NoError(t, err, path)
			}
		}
	}
}
