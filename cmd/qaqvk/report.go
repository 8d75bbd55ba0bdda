package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/internal/htmlreport"
	"github.com/qaqvk/qaqvk/internal/recording"
	"github.com/qaqvk/qaqvk/internal/report"
)

func newReport() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "report FILE",
		Short: "Make a page of what run --record wrote: map of bits, text, curves, tables",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%d files given: report takes one recording", len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usageError{errors.New("--output: no file given")}
			}
			return writeReport(c, args[0], out)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "HTML file to write")
	return c
}

func writeReport(c *cobra.Command, from, to string) error {
	if err := checkOutput(to); err != nil {
		return err
	}
	r, note, err := loadRecording(from)
	if err != nil {
		return err
	}
	if note != "" {
		fmt.Fprintln(c.ErrOrStderr(), note)
	}
	page, err := htmlreport.Page(r, note)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return report.WriteFile(to, page)
}

// loadRecording reads a recording. One that is damaged or ends early is read as far as
// it goes; the note says so.
func loadRecording(path string) (r *recording.Recording, note string, err error) {
	r, err = recording.Load(path)
	if r != nil && len(r.Steps) > 0 && (errors.Is(err, recording.ErrTruncated) || errors.Is(err, recording.ErrDamaged)) {
		return r, "shown as far as it goes: " + oneLine(err), nil
	}
	return r, "", err
}
