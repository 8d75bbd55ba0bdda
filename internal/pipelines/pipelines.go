// Package pipelines says where compiled pipelines are kept between runs.
package pipelines

import (
	"os"
	"path/filepath"

	"github.com/qaqvk/qaqvk/internal/modelfetch"
	"github.com/qaqvk/qaqvk/internal/report"
)

// CacheFile is the file that keeps compiled pipelines; "" where there is no cache
// folder or it takes no file, which costs time only.
func CacheFile() string {
	dir, err := modelfetch.CacheDir()
	if err != nil || os.MkdirAll(dir, 0o755) != nil {
		return ""
	}
	path := filepath.Join(dir, "pipelines")
	if report.Writable(path) != nil {
		return ""
	}
	return path
}
