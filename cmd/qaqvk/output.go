package main

import (
	"github.com/spf13/pflag"

	"github.com/qaqvk/qaqvk/internal/report"
)

// checkOutput fails before the work does, where a results file cannot be written.
func checkOutput(path string) error {
	if path == "" {
		return nil
	}
	return report.Writable(path)
}

// addJSON declares --json.
func addJSON(f *pflag.FlagSet, path *string) {
	f.StringVar(path, "json", "", "write the results to this file as JSON")
}

// writeJSON writes results to the file of --json, if one was given.
func writeJSON(path string, results any) error {
	if path == "" {
		return nil
	}
	return report.WriteJSON(path, results)
}
