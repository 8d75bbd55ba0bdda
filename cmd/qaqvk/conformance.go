package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/conformance"
)

type conformanceFlags struct {
	device deviceFlags
	filter pattern
	json   string
}

func newConformance() *cobra.Command {
	var f conformanceFlags
	c := &cobra.Command{
		Use:   "conformance",
		Short: "Check that every kernel returns the reference's bits on a device",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkOutput(f.json); err != nil {
				return err
			}
			var failed error
			err := f.device.use(func(d device.Device) (err error) {
				failed, err = f.run(c, d)
				return err
			})
			return errors.Join(err, failed)
		},
	}
	f.device.register(c)
	c.Flags().Var(&f.filter, "filter", "regular expression: the cases to run")
	addJSON(c.Flags(), &f.json)
	return c
}

// run prints the results; failed says how many cases failed.
func (f *conformanceFlags) run(c *cobra.Command, d device.Device) (failed, err error) {
	p := newProgress(c.ErrOrStderr())
	defer p.finish()
	r, err := conformance.Run(c.Context(), d, f.filter.Regexp, func(done, all int, _ conformance.Case, _ *conformance.Failure) {
		p.step("conformance", done, all)
	})
	if err != nil {
		return nil, err
	}
	p.finish()
	if r.Cases == 0 {
		return nil, fmt.Errorf("conformance: no case matches %q", f.filter.String())
	}
	if err := writeJSON(f.json, r); err != nil {
		return nil, err
	}
	return errFailed(r.Failed, r.Cases, "cases"), writeConformance(c.OutOrStdout(), r)
}

func writeConformance(w io.Writer, r *conformance.Report) error {
	for _, f := range r.Failures {
		line := f.Case + ": " + f.Message
		if _, err := fmt.Fprintln(w, "FAIL", line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "device  %s\ndriver  %s\ndigest  %s\n%d passed, %d failed\n",
		r.Device, r.Driver, r.Digest, r.Passed, r.Failed)
	return err
}
