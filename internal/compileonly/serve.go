package compileonly

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/qaqvk/qaqvk/internal/report"
	"github.com/qaqvk/qaqvk/shaders"
	"github.com/qaqvk/qaqvk/vk"
)

// result is what Serve tells of a case.
type result struct {
	Driver   string
	Pipeline report.CompiledPipeline
}

// Serve compiles cases, read as one JSON list, for the chip of this process,
// family by RADV's name, and writes a JSON value after each.
func Serve(family string, in io.Reader, out io.Writer) (err error) {
	var cases []Case
	if err := json.NewDecoder(in).Decode(&cases); err != nil {
		return fmt.Errorf("compile only: cases: %w", err)
	}
	d, err := vk.Open(vk.Options{CompileOnly: true})
	if err != nil {
		return err
	}
	defer func() {
		if closed := d.Close(); err == nil {
			err = closed
		}
	}()
	if name := d.Info().Name; !strings.Contains(strings.ToLower(name), "radv "+family) {
		return fmt.Errorf("compile only: the device is %q, not a %s", name, family)
	}
	encoder := json.NewEncoder(out)
	for _, c := range cases {
		r := result{Driver: d.Info().Driver + " " + d.Info().DriverInfo}
		if r.Pipeline, err = compile(d, c); err != nil {
			return fmt.Errorf("compile only: %s: %w", c.name(), err)
		}
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("compile only: %w", err)
		}
	}
	return nil
}

func compile(d *vk.Device, c Case) (report.CompiledPipeline, error) {
	out := report.CompiledPipeline{Kernel: c.Kernel, Variant: c.Variant}
	p, err := d.NewPipeline(shaders.ByName(c.Kernel), c.Spec)
	if err != nil {
		return out, err
	}
	executables, err := p.Executables()
	if err != nil {
		return out, err
	}
	return out, read(executables, &out)
}
