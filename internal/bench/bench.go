package bench

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/report"
	"github.com/qaqvk/qaqvk/shaders"
)

// Options choose what is timed.
type Options struct {
	Filter   *regexp.Regexp // names to time; nil for all
	Repeat   int            // timed runs of a case, each beside a copy; at least 1
	Elements int            // elements of a case; 0 for the standard 33,554,432
	// Progress is told the number of cases done and of all, may be nil.
	Progress func(done, all int, name string)
	// Tune holds constants of the codec's kernels that replace the chosen ones,
	// such as "encode.LANES" -> 4; for measuring kernels.
	Tune map[string]uint32
}

// sample is one timed run of a case.
type sample struct {
	wall    time.Duration
	kernels map[string]time.Duration
}

// work is a case that is set up on a device.
type work interface {
	run(ctx context.Context) (sample, error)
	bytes() int64
	release()
}

// Run times the cases on a device, one after the other.
func Run(ctx context.Context, d device.Device, o Options) (*report.Bench, error) {
	cases := selected(o)
	if len(cases) == 0 {
		return nil, fmt.Errorf("bench: no case matches %q", o.Filter)
	}
	if err := checkTune(o.Tune); err != nil {
		return nil, err
	}
	unit, err := newCopy(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("bench: copy: %w", err)
	}
	defer unit.release()
	out := &report.Bench{Device: d.Name(), Driver: d.Driver()}
	var copies []time.Duration
	for i, c := range cases {
		if o.Progress != nil {
			o.Progress(i, len(cases), c.name())
		}
		result, beside, err := measure(ctx, d, c, unit, o)
		if err != nil {
			return nil, fmt.Errorf("bench: %s: %w", c.name(), err)
		}
		out.Results = append(out.Results, result)
		copies = append(copies, beside...)
	}
	out.CopyUnitMs = milliseconds(median(copies))
	for i := range out.Results {
		out.Results[i].Units = report.Round(out.Results[i].Ms/out.CopyUnitMs, 3)
	}
	return out, nil
}

// tuned are the kernels that Tune reaches.
var tuned = []*shaders.Kernel{shaders.Encode, shaders.Pack, shaders.Decode, shaders.Repack, shaders.Promote, shaders.ChooseBits}

// checkTune refuses what would not be seen.
func checkTune(tune map[string]uint32) error {
	for name := range tune {
		known := slices.ContainsFunc(tuned, func(k *shaders.Kernel) bool {
			return slices.ContainsFunc(k.Constants, func(c shaders.Constant) bool { return k.Name+"."+c.Name == name })
		})
		if !known {
			return fmt.Errorf("bench: tune %s: no constant of %v", name, tuned)
		}
	}
	return nil
}

// measure runs a case and a copy in turns and returns the case's medians and
// the copies' times. The first run of each warms up.
func measure(ctx context.Context, d device.Device, c Case, unit work, o Options) (report.BenchResult, []time.Duration, error) {
	w, err := c.setUp(ctx, d)
	if err != nil {
		return report.BenchResult{}, nil, err
	}
	defer w.release()
	var walls, copies []time.Duration
	kernels := kernelTimes{}
	for i := -1; i < max(o.Repeat, 1); i++ {
		copied, err := unit.run(ctx)
		if err != nil {
			return report.BenchResult{}, nil, fmt.Errorf("copy: %w", err)
		}
		s, err := w.run(ctx)
		if err != nil {
			return report.BenchResult{}, nil, err
		}
		if i < 0 {
			continue
		}
		copies, walls = append(copies, copied.wall), append(walls, s.wall)
		kernels.add(s)
	}
	if p, ok := w.(byKernel); ok {
		if kernels, err = p.kernels(ctx, max(o.Repeat, 1)); err != nil {
			return report.BenchResult{}, nil, err
		}
	}
	r := report.BenchResult{Name: c.name(), Ms: milliseconds(median(walls)), DeviceMs: map[string]float64{}, Bytes: w.bytes()}
	for k, t := range kernels {
		r.DeviceMs[k] = milliseconds(median(t))
	}
	return r, copies, nil
}

// byKernel is work whose kernels are timed in runs of their own, because the
// timestamps would show in its time.
type byKernel interface {
	kernels(ctx context.Context, runs int) (kernelTimes, error)
}

// kernelTimes are times of several runs by kernel.
type kernelTimes map[string][]time.Duration

func (k kernelTimes) add(s sample) {
	for name, t := range s.kernels {
		k[name] = append(k[name], t)
	}
}

// submit runs a list and adds its marks to the sample.
func (s *sample) submit(ctx context.Context, d device.Device, l *device.List) error {
	t, err := d.Submit(l)
	if err != nil {
		return err
	}
	return s.wait(ctx, t)
}

func (s *sample) wait(ctx context.Context, t device.Ticket) error {
	if err := t.Wait(ctx); err != nil {
		return err
	}
	for k, v := range t.Times() {
		if s.kernels == nil {
			s.kernels = map[string]time.Duration{}
		}
		s.kernels[k] += v
	}
	return nil
}

func median(t []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(t))
	return s[len(s)/2]
}

func milliseconds(t time.Duration) float64 {
	return report.Round(float64(t)/float64(time.Millisecond), 3)
}
