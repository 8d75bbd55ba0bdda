package main

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/bench"
	"github.com/qaqvk/qaqvk/internal/compileonly"
	"github.com/qaqvk/qaqvk/internal/report"
)

type benchFlags struct {
	device deviceFlags
	filter pattern
	repeat int
	tune   map[string]string
	json   string

	compileOnly bool
	chips       []string
}

func newBench() *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench",
		Short: "Time the kernels of a device in copy units, or compile them for AMD chips",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.checkCompileOnly(c); err != nil {
				return err
			}
			if err := checkOutput(f.json); err != nil {
				return err
			}
			if f.compileOnly {
				return f.compile(c)
			}
			return f.device.use(func(d device.Device) error { return f.run(c, d) })
		},
	}
	f.device.register(c)
	c.Flags().VarP(&f.filter, "filter", "k", "regular expression: the names to time")
	addNumber(c.Flags(), &f.repeat, "repeat", 5, 1, 1000, "runs of a case; the median counts")
	c.Flags().StringToStringVar(&f.tune, "tune", nil, "kernel constants to try, such as encode.LANES=4")
	c.Flags().BoolVar(&f.compileOnly, "compile-only", false, "time nothing: compile every kernel with RADV, which needs no hardware for that, and tell its registers, spills, scratch, occupancy and estimated throughput")
	c.Flags().StringSliceVar(&f.chips, "chip", compileonly.Chips, "chips to compile for, by RADV's names")
	addJSON(c.Flags(), &f.json)
	return c
}

func (f *benchFlags) run(c *cobra.Command, d device.Device) error {
	tune, err := f.constants()
	if err != nil {
		return err
	}
	o := bench.Options{Filter: f.filter.Regexp, Repeat: f.repeat, Tune: tune}
	p := newProgress(c.ErrOrStderr())
	defer p.finish()
	o.Progress = func(done, all int, name string) { p.step("bench "+name, done, all) }
	r, err := bench.Run(c.Context(), d, o)
	if err != nil {
		return err
	}
	p.finish()
	if err := report.WriteBench(c.OutOrStdout(), r); err != nil {
		return err
	}
	return writeJSON(f.json, r)
}

// constants are those of --tune.
func (f *benchFlags) constants() (map[string]uint32, error) {
	tune := map[string]uint32{}
	for k, v := range f.tune {
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			return nil, usageError{fmt.Errorf("--tune %s=%s: must be a number", k, v)}
		}
		tune[k] = uint32(n)
	}
	return tune, nil
}

// pattern is a flag with a regular expression.
type pattern struct{ *regexp.Regexp }

func (p *pattern) String() string {
	if p.Regexp == nil {
		return ""
	}
	return p.Regexp.String()
}

func (p *pattern) Type() string { return "regexp" }

// Set compiles the expression.
func (p *pattern) Set(v string) (err error) {
	p.Regexp, err = regexp.Compile(v)
	return err
}
