package compileonly

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qaqvk/qaqvk/internal/report"
	"github.com/qaqvk/qaqvk/shaders"
)

// Chips are those that all kernels must compile for without spills and scratch.
var Chips = []string{"polaris10", "vega10", "navi21", "gfx1100"}

// renamed has chips that newer Mesas know by another name.
var renamed = map[string]string{"gfx1100": "navi31"}

// Options choose what is compiled.
type Options struct {
	Chips  []string          // RADV's names of chips; nil for Chips
	Filter *regexp.Regexp    // names of cases; nil for all
	Tune   map[string]uint32 // constants that replace those of the cases, such as "encode.LANES"
	// Command starts a process that calls Serve and, if that fails, ends with a
	// status and "qaqvk: " before the error; the chip is added as last argument.
	Command []string
	// Progress is told the number of pipelines made and of all, may be nil.
	Progress func(done, all int, name string)
}

// yardstick is a kernel that nothing keeps from filling a SIMD.
var yardstick = Case{Kernel: "copy", Spec: shaders.Specialize(shaders.Copy, shaders.Target{}, shaders.Setting{}).Words()}

// errUnknownChip is RADV's answer to a name it does not know.
var errUnknownChip = errors.New("this RADV does not know the chip")

// Run compiles the cases for all chips. The report is ordered by case, then by
// chip. It fails with ErrNoDriver where RADV is not installed.
func Run(ctx context.Context, o Options) (*report.Compiled, error) {
	if o.Chips == nil {
		o.Chips = Chips
	}
	drivers, err := Driver()
	if err != nil {
		return nil, err
	}
	cases := Cases(o.Filter, o.Tune)
	if len(cases) == 0 {
		return nil, fmt.Errorf("compile only: no kernel matches %q", o.Filter)
	}
	out := &report.Compiled{Pipelines: make([]report.CompiledPipeline, len(cases)*len(o.Chips))}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	count := counter{made: make([]int, len(o.Chips)), all: len(cases) * len(o.Chips), progress: o.Progress}
	for i, chip := range o.Chips {
		group.Go(func() error {
			results, err := o.compile(ctx, drivers, chip, cases, func(n int, c Case) { count.tell(i, n, c.name()+" for "+chip) })
			if err != nil {
				return fmt.Errorf("compile only: %s: %w", chip, err)
			}
			for n, r := range results[1:] {
				r.Pipeline.Chip, r.Pipeline.MostSubgroups = chip, results[0].Pipeline.Subgroups
				out.Pipelines[n*len(o.Chips)+i] = r.Pipeline
			}
			if i == 0 {
				out.Driver = results[0].Driver
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// counter adds up what is made for several chips at a time.
type counter struct {
	mu       sync.Mutex
	made     []int // for each chip
	all      int
	progress func(done, all int, name string)
}

func (c *counter) tell(chip, made int, name string) {
	if c.progress == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made[chip] = made
	done := 0
	for _, n := range c.made {
		done += n
	}
	c.progress(done, c.all, name)
}

// compile returns the result of the yardstick and those of the cases.
func (o *Options) compile(ctx context.Context, drivers []string, chip string, cases []Case, progress func(int, Case)) ([]result, error) {
	cases = append([]Case{yardstick}, cases...)
	before := func(n int) { progress(max(n-1, 0), cases[n]) }
	results, err := o.process(ctx, drivers, chip, cases, before)
	if other, ok := renamed[chip]; ok && errors.Is(err, errUnknownChip) {
		results, err = o.process(ctx, drivers, other, cases, before)
	}
	return results, err
}

// process runs one process for a chip by RADV's name of it.
func (o *Options) process(ctx context.Context, drivers []string, family string, cases []Case, before func(int)) ([]result, error) {
	work, err := json.Marshal(cases)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, o.Command[0], append(slices.Clone(o.Command[1:]), family)...)
	c.Env = environment(drivers, family)
	c.Stdin = bytes.NewReader(work)
	c.WaitDelay = time.Second
	var stderr bytes.Buffer
	c.Stderr = &stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	results, failed := collect(stdout, cases, before)
	if failed != nil {
		_, _ = io.Copy(io.Discard, stdout) // so that it can end
	}
	if err := c.Wait(); err != nil {
		return nil, explain(ctx, err, stderr.String(), cases[min(len(results), len(cases)-1)].name())
	}
	return results, failed
}

// collect reads a result a case.
func collect(in io.Reader, cases []Case, before func(int)) ([]result, error) {
	var results []result
	decoder := json.NewDecoder(in)
	for n, c := range cases {
		before(n)
		var r result
		if err := decoder.Decode(&r); err != nil {
			return results, fmt.Errorf("%s: result: %w", c.name(), err)
		}
		results = append(results, r)
	}
	return results, nil
}

// explain says in a line why a process ended, err by its status.
func explain(ctx context.Context, err error, stderr, at string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var said []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "Unknown family") {
			return errUnknownChip
		}
		if told, ok := strings.CutPrefix(line, "qaqvk: "); ok {
			return errors.New(strings.TrimPrefix(told, "compile only: "))
		}
		if strings.HasPrefix(line, "PC=") {
			break // registers and stacks follow
		}
		said = append(said, line)
	}
	return fmt.Errorf("the driver ended the process at %s: %w: %s", at, err, strings.Join(said, "; "))
}
