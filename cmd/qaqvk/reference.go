package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/dispatch"
	"github.com/qaqvk/qaqvk/internal/reference"
)

func newReference() *cobra.Command {
	var target deviceFlags
	var json string
	c := &cobra.Command{
		Use:   "reference FILE...",
		Short: "Compare with what the QAQ authors' code returned (safetensors)",
		Args:  someArgs,
		RunE: func(c *cobra.Command, files []string) error {
			if err := checkOutput(json); err != nil {
				return err
			}
			var failed error
			err := target.use(func(d device.Device) (err error) {
				failed, err = compare(c, d, files, json)
				return err
			})
			return errors.Join(err, failed)
		},
	}
	target.register(c)
	addJSON(c.Flags(), &json)
	return c
}

// compare prints a line a file; failed says how many missed.
func compare(c *cobra.Command, d device.Device, files []string, json string) (failed, err error) {
	run := dispatch.On(c.Context(), d)
	results, misses := []reference.Result{}, 0
	fmt.Fprintf(c.OutOrStdout(), "device %s, driver %s\n", d.Name(), d.Driver())
	for _, f := range files {
		if err := c.Context().Err(); err != nil {
			return nil, err
		}
		v, err := reference.Load(f)
		if err != nil {
			return nil, err
		}
		r, err := reference.Check(v, reference.Run(run))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		fmt.Fprintln(c.OutOrStdout(), r)
		results = append(results, r)
		if !r.Pass {
			misses++
		}
	}
	return errFailed(misses, len(results), "files"), writeJSON(json, results)
}
