package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/internal/compileonly"
	"github.com/qaqvk/qaqvk/internal/report"
)

// newCompile is the process that bench --compile-only starts for a chip.
func newCompile() *cobra.Command {
	return &cobra.Command{
		Use:    "compile CHIP",
		Short:  "Compile the kernels on standard input for the chip of this process",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("compile wants one chip")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return compileonly.Serve(args[0], c.InOrStdin(), c.OutOrStdout())
		},
	}
}

var chipName = regexp.MustCompile(`^[a-z0-9_]+$`)

// checkCompileOnly refuses flags that the way of running does not have.
func (f *benchFlags) checkCompileOnly(c *cobra.Command) error {
	if !f.compileOnly {
		if c.Flags().Changed("chip") {
			return usageError{errors.New("--chip needs --compile-only")}
		}
		return nil
	}
	for _, name := range []string{"device", "limits", "validation", "repeat"} {
		if c.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s does not go with --compile-only", name)}
		}
	}
	for _, chip := range f.chips {
		if !chipName.MatchString(chip) {
			return usageError{fmt.Errorf("--chip %q: is no name of a chip such as %s", chip, compileonly.Chips[0])}
		}
	}
	if len(f.chips) == 0 {
		return usageError{errors.New("--chip names no chip")}
	}
	return nil
}

// compile prints what RADV makes of the kernels, and fails if one spills.
func (f *benchFlags) compile(c *cobra.Command) error {
	tune, err := f.constants()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p := newProgress(c.ErrOrStderr())
	defer p.finish()
	r, err := compileonly.Run(c.Context(), compileonly.Options{
		Chips: f.chips, Filter: f.filter.Regexp, Tune: tune, Command: []string{self, "compile"},
		Progress: func(done, all int, name string) { p.step("compile "+name, done, all) },
	})
	if err != nil {
		return err
	}
	p.finish()
	if err := report.WriteCompiled(c.OutOrStdout(), r); err != nil {
		return err
	}
	if err := writeJSON(f.json, r); err != nil {
		return err
	}
	return r.Err()
}
