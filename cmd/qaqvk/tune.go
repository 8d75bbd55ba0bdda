package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/eval"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/session"
	"github.com/qaqvk/qaqvk/internal/tune"
)

type tuneFlags struct {
	device          deviceFlags
	model, profile  string
	text            string
	checks          []string
	out, json       string
	target          tune.Target
	context, tokens int
	minutes         float64
	measurements    int
}

func newTune() *cobra.Command {
	f := &tuneFlags{}
	c := &cobra.Command{
		Use:   "tune",
		Short: "Tune a model's profile to a KL divergence or a ratio of bytes",
		Long: `Tune a model's profile to a KL divergence or a ratio of bytes.

The slope of the profile is solved for the target on a text, then half-life, floor,
recent window and sink threshold of importance are searched for as long as --minutes
last, and the slope is solved again. Every measurement reads the text with the
calibrated codec on the device, as qaqvk eval does. Texts of --check are not tuned on:
they show what the new profile does to others. docs/profile.md has the steps.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return f.device.use(func(d device.Device) error { return f.run(c, d) })
		},
	}
	f.device.register(c)
	f.register(c)
	return c
}

// Limits of targets: far beyond what a cache reaches.
const (
	mostTargetKLD   = 100
	mostTargetRatio = 1000
	mostMinutes     = 60 * 24 * 7
)

func (f *tuneFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.model, "model", "", "GGUF file (default: SmolLM2-135M-Instruct, fetched into the cache folder)")
	s.StringVar(&f.profile, "profile", "", "profile of the model to begin with (default: the one that ships)")
	s.StringVar(&f.text, "text", "", "file of the text to tune on")
	s.StringArrayVar(&f.checks, "check", nil, "file of another kind of text, which is only measured on, as often as there are some")
	addAbove(s, &f.target.KLD, "target-kld", 0, mostTargetKLD, "most mean KL divergence from the uncompressed cache, nats")
	s.Var(&number[float64]{value: &f.target.Ratio, least: 1, most: mostTargetRatio, above: true}, "target-ratio",
		"least bytes in f16 over stored bytes, pages with all headers outside of the recent window: 8 is 2 bits an element")
	s.StringVarP(&f.out, "output", "o", "", "profile to write")
	addNumber(s, &f.context, "context", 1024, 1, maxTokens, "tokens of the text that are read at once")
	addNumber(s, &f.tokens, "tokens", 2048, 1, maxTokens, "most tokens of a text; whole contexts are read")
	addAbove(s, &f.minutes, "minutes", 10, mostMinutes, "wall time after which the search ends")
	addNumber(s, &f.measurements, "measurements", 0, 0, maxTokens, "measurements after which the search ends, so that two runs give the same; 0: as many as there is time for")
	addJSON(s, &f.json)
}

// check refuses flags that do not go together, before anything is loaded.
func (f *tuneFlags) check() error {
	switch {
	case f.out == "":
		return usageError{errors.New("--output: no file given")}
	case f.text == "":
		return usageError{errors.New("--text: no file given: name the text to tune on")}
	case f.target.KLD == 0 && f.target.Ratio == 0:
		return usageError{errors.New("give --target-kld or --target-ratio")}
	case f.target.KLD > 0 && f.target.Ratio > 0:
		return usageError{errors.New("--target-kld and --target-ratio: give one of both")}
	}
	for _, path := range []string{f.out, f.json} {
		if err := checkOutput(path); err != nil {
			return err
		}
	}
	return nil
}

// run loads the model, tunes, measures before and after, and writes what came of it.
func (f *tuneFlags) run(c *cobra.Command, d device.Device) (err error) {
	p := newProgress(c.ErrOrStderr())
	defer p.finish()
	p.note("device %s, driver %s", d.Name(), d.Driver())
	t := &tuning{flags: f, progress: p}
	if err := t.readTexts(); err != nil { // before the model: mistakes show at once
		return err
	}
	m, err := loadModel(c, &f.model, p)
	if err != nil {
		return err
	}
	defer m.Close()
	if t.profile, err = f.load(m); err != nil {
		return err
	}
	t.bench = &eval.Bench{Model: m, Device: d, Window: max(t.profile.Importance.Recent, 1), Note: func(line string) { p.note("%s", line) }}
	if err := t.cut(); err != nil {
		return err
	}
	result, err := t.run(c.Context())
	if err != nil {
		return err
	}
	p.finish()
	return result.write(c.OutOrStdout(), f)
}

// load returns the profile to begin with.
func (f *tuneFlags) load(m *model.Model) (*profile.Profile, error) {
	p, err := session.LoadProfile(m, f.profile, 0, false)
	if err == nil && p == nil {
		err = session.ErrNoProfile
	}
	return p, err
}

// options are those of the search that begins with a profile. For a ratio it begins at
// the slope that the profile expects to give it.
func (f *tuneFlags) options(p *profile.Profile) tune.Options {
	o := tune.Options{
		Start: tune.SettingOf(p), Target: f.target, Context: f.context,
		Measurements: f.measurements, Time: time.Duration(f.minutes * float64(time.Minute)),
	}
	o.Slopes[0], o.Slopes[1] = tune.Reach(p)
	if f.target.Ratio > 0 {
		if solved, err := p.ForBits(rawBits / f.target.Ratio); err == nil {
			o.Start.Slope = solved.Slope
		}
	}
	return o
}

// source says what a profile was tuned to, on which text.
func (f *tuneFlags) source(p *profile.Profile) string {
	return fmt.Sprintf("%s; tuned to %s on %s", p.Source, f.target, filepath.Base(f.text))
}
