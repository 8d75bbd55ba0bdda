package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// checkOutput fails before the work does, where the folder of a results file
// is not there.
func checkOutput(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("--json %s: %w", path, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("--json %s: %s is no folder", path, filepath.Dir(path))
	}
	return nil
}
