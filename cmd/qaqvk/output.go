package main

import "github.com/qaqvk/qaqvk/internal/report"

// checkOutput fails before the work does, where a results file cannot be written.
func checkOutput(path string) error {
	if path == "" {
		return nil
	}
	return report.Writable(path)
}
