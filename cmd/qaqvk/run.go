package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/internal/generate"
	"github.com/qaqvk/qaqvk/internal/model/sample"
	"github.com/qaqvk/qaqvk/internal/modelfetch"
	"github.com/qaqvk/qaqvk/internal/report"
	"github.com/qaqvk/qaqvk/internal/session"
)

type runFlags struct {
	device     deviceFlags
	model      string
	promptFile string
	noCompare  bool
	policy     choice
	level      choice
	formula    choice
	bits       float64 // of uniform, or stored ones of calibrated
	byteBudget int
	hostBudget int     // MiB
	maxSubmit  int     // ms
	reserve    float64 // MiB
	json       string
	timeline   string
	record     string
	watch      bool
	sampling   sample.Options
	session    session.Options
}

func newRun() *cobra.Command {
	f := &runFlags{}
	c := f.command("run", "Generate text from a model whose KV cache lies quantized on a device")
	c.Flags().BoolVar(&f.watch, "watch", false, "show in a window what the cache does, as qaqvk watch")
	return c
}

// command is one that generates.
func (f *runFlags) command(use, short string) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.evicts() && !c.Flags().Changed("alpha") {
				f.session.Alpha = 0 // outliers of evicted tokens would stay
			}
			if err := checkTexts(c); err != nil {
				return err
			}
			if err := f.choosePolicy(c); err != nil {
				return err
			}
			o, err := f.options()
			if err != nil {
				return err
			}
			return f.device.use(func(d device.Device) error { return f.run(c, d, o) })
		},
	}
	f.device.register(c)
	f.registerText(c)
	f.registerCache(c)
	return c
}

func (f *runFlags) registerText(c *cobra.Command) {
	c.Flags().StringVar(&f.model, "model", "", "GGUF file (default: SmolLM2-135M-Instruct, fetched into the cache folder)")
	c.Flags().StringVar(&f.session.Prompt, "prompt", "", "what to ask the model (default: a text of more than 300 tokens to summarise)")
	c.Flags().StringVar(&f.promptFile, "prompt-file", "", "take the prompt from this file")
	addNumber(c.Flags(), &f.session.Tokens, "tokens", 128, 1, maxTokens, "tokens to generate")
	c.Flags().BoolVar(&f.session.IgnoreEnd, "ignore-end", false, "generate all tokens, also behind the model's end of text")
	c.Flags().BoolVar(&f.noCompare, "no-compare", false, "leave out the second pass, without compression")
	addNumber(c.Flags(), &f.sampling.Seed, "seed", 1, 0, math.MaxUint64, "seed of the sampling")
	addNumber(c.Flags(), &f.sampling.Temperature, "temperature", 0, 0, maxTemperature, "temperature of the sampling; 0 takes the most likely token")
	addAbove(c.Flags(), &f.sampling.TopP, "top-p", 0.95, 1, "probability mass of the tokens to sample from, above 0 to 1")
	addJSON(c.Flags(), &f.json)
	c.Flags().StringVar(&f.record, "record", "", "write what the cache did, token by token, to this file, for qaqvk report and qaqvk watch --replay")
	c.Flags().StringVar(&f.timeline, "timeline", "", "write what calls, adaptations and the device did when to this file, for Perfetto or chrome://tracing")
}

func (f *runFlags) registerCache(c *cobra.Command) {
	f.policy = choice{value: session.Auto, of: []string{session.Auto, session.Calibrated, "none", "uniform", "qaq", "h2o", "scissorhands"}}
	f.level = choice{value: "head", of: []string{"head", "layer", "token"}}
	f.formula = choice{value: "paper", of: []string{"paper", "authors"}}
	o := &f.session
	c.Flags().Var(&f.policy, "policy", "bits by: calibrated (levels of a profile), none (rows as they came), uniform, qaq, or h2o and scissorhands (keep or evict a token); auto is calibrated where the model has a profile, else qaq")
	c.Flags().Var(&f.level, "level", "what shares a range and a bit width: a head, layer or token")
	c.Flags().Var(&f.formula, "formula", "bounds of qaq: paper or authors")
	addNumber(c.Flags(), &o.Alpha, "alpha", 0.01, 0, 0.1, "share of a group kept as outliers, 0 to 0.1; h2o and scissorhands have none unless told")
	addNumber(c.Flags(), &o.Budget, "budget", 256, 1, maxTokens, "tokens that h2o and scissorhands keep of a layer and KV head, at least 1")
	c.Flags().BoolVar(&o.Recall, "recall", false, "h2o and scissorhands: an evicted token comes back from the host when others matter less; as published, what is evicted stays so")
	c.Flags().StringVar(&o.Profile, "profile", "", "profile of the model for calibrated (default: the one that ships)")
	addNumber(c.Flags(), &f.bits, "bits", 0, 0, rawBits, "bits of uniform, 0 to 8 (default 4), or stored bits an element that calibrated aims at in texts of 1,024 tokens, longer ones take fewer (default: the profile's)")
	addNumber(c.Flags(), &f.byteBudget, "budget-bytes", 0, 0, math.MaxInt, "live bytes that calibrated keeps to: levels go down as the text grows; 0: no bound")
	c.Flags().BoolVar(&o.FixedLevel, "fixed-level", false, "calibrated gives every token the same level for good: nothing is adapted")
	addNumber(c.Flags(), &o.BitsMin, "bits-min", 1, 0, 8, "least bits of qaq, 0 to 8")
	addNumber(c.Flags(), &o.BitsMax, "bits-max", 8, 0, rawBits, "most bits of qaq, up to 8, or 16 for rows as they came")
	addAbove(c.Flags(), &o.KeyError, "error-k", policy.DefaultKeyError, maxError, "target error of qaq for K, above 0")
	addAbove(c.Flags(), &o.ValueError, "error-v", policy.DefaultValueError, maxError, "target error of qaq for V, above 0")
	addNumber(c.Flags(), &o.Capacity, "capacity", 0, 0, maxTokens, "most tokens that the cache holds (default: prompt and generated tokens)")
	addNumber(c.Flags(), &f.reserve, "reserve", 0, 0, maxMiB, "MiB of device memory taken for pages at the start, so that none is taken later while there is room; 0 takes memory as the tokens come")
	addNumber(c.Flags(), &f.hostBudget, "host-budget", 1024, 0, maxMiB, "MiB of host memory for full-precision rows, which promotions need")
	addNumber(c.Flags(), &f.maxSubmit, "max-submit", 100, 0, maxSubmitMs, "ms that a submission of attention, of storing pages or of adapting may run on the device; longer ones are split; 0: however long it takes")
	c.Flags().BoolVar(&o.Exact, "exact", true, "steps wait for adaptations, so that every run gives the same; false: they take effect when they are ready")
}

// Limits of numbers, far beyond what is of use: 16 million tokens are the most
// that a cache holds, and a PiB is no machine's memory.
const (
	maxTokens      = 1 << 24
	maxMiB         = 1 << 30
	maxTemperature = 1000
	maxError       = 1e6
	rawBits        = 16
	maxSubmitMs    = 3_600_000
)

// evicts tells whether the policy keeps or evicts tokens.
func (f *runFlags) evicts() bool {
	return f.policy.value == "h2o" || f.policy.value == "scissorhands"
}

// Flags of policies that are calibrated, and of those that are not.
var (
	calibratedFlags = []string{"profile", "budget-bytes", "fixed-level"}
	rangedFlags     = []string{"level", "alpha", "formula", "bits-min", "bits-max", "error-k", "error-v"}
)

// choosePolicy decides what auto is where flags of one policy alone were given, and
// refuses those of others.
func (f *runFlags) choosePolicy(c *cobra.Command) error {
	changed := func(names []string) string {
		for _, n := range names {
			if c.Flags().Changed(n) {
				return n
			}
		}
		return ""
	}
	of, ranged := changed(calibratedFlags), changed(rangedFlags)
	switch p := &f.policy.value; {
	case *p != session.Auto:
	case of != "" || ranged == "" && c.Flags().Changed("bits"):
		*p = session.Calibrated
	case ranged != "":
		*p = "qaq"
	}
	switch calibrated := f.policy.value == session.Calibrated; {
	case of != "" && !calibrated:
		return usageError{fmt.Errorf("--%s: is of --policy calibrated, not of %s", of, f.policy.value)}
	case ranged != "" && calibrated:
		return usageError{fmt.Errorf("--%s: is not of --policy calibrated", ranged)}
	}
	return f.chooseBits(c)
}

// defaultUniformBits are those of uniform.
const defaultUniformBits = 4

// chooseBits gives --bits to the policy that has it.
func (f *runFlags) chooseBits(c *cobra.Command) error {
	given := c.Flags().Changed("bits")
	switch p := f.policy.value; {
	case p == "uniform":
		if f.session.Bits = int(f.bits); !given {
			f.session.Bits = defaultUniformBits
		}
		if f.session.Bits > 8 || f.bits != math.Trunc(f.bits) {
			return fmt.Errorf("--bits %g: uniform takes whole ones, 0 to 8", f.bits)
		}
	case given && p != session.Calibrated:
		return usageError{fmt.Errorf("--bits: is of --policy uniform and calibrated, not of %s", p)}
	case given && f.bits == 0:
		return errors.New("--bits 0: calibrated takes more than 0")
	default:
		f.session.StoredBits = f.bits
	}
	return nil
}

// options checks the flags.
func (f *runFlags) options() (session.Options, error) {
	o := f.session
	if o.BitsMax < o.BitsMin || o.BitsMax > 8 && o.BitsMax != rawBits {
		return o, fmt.Errorf("--bits-max %d: must be --bits-min, which is %d, to 8, or %d", o.BitsMax, o.BitsMin, rawBits)
	}
	o.HostBudget, o.ByteBudget = int64(f.hostBudget)<<20, int64(f.byteBudget)
	o.Reserve = int64(f.reserve * (1 << 20))
	if o.MaxSubmit = time.Duration(f.maxSubmit) * time.Millisecond; f.maxSubmit == 0 {
		o.MaxSubmit = -1
	}
	o.Policy, o.Sampling, o.Compare, o.Model = f.policy.value, f.sampling, !f.noCompare, f.model
	var err error
	if o.Level, err = backend.ParseLevel(f.level.value); err != nil {
		return o, err
	}
	if o.Formula, err = policy.ParseFormula(f.formula.value); err != nil {
		return o, err
	}
	if f.promptFile != "" {
		if o.Prompt, err = readPrompt(f.promptFile); err != nil {
			return o, err
		}
	}
	for _, path := range []string{f.json, f.timeline, f.record} {
		if err := checkOutput(path); err != nil {
			return o, err
		}
	}
	o.CacheDir, err = modelfetch.CacheDir()
	return o, err
}

// run generates on an open device; the default model is fetched where none is
// named.
func (f *runFlags) run(c *cobra.Command, d device.Device, o session.Options) (err error) {
	p := newProgress(c.ErrOrStderr())
	defer p.finish()
	var w *watching
	if f.watch {
		if w, err = watch(c.Context(), &f.device); err != nil {
			return err
		}
		if name := w.window.Presenter(); name != d.Name() {
			p.note("window presented by %s", name)
		}
		defer func() { err = w.close(err, p) }()
	}
	if o.Model, err = modelFile(c, o.Model); err != nil {
		return err
	}
	p.note("device %s, driver %s", d.Name(), d.Driver())
	out := c.OutOrStdout()
	var timeline report.Timeline
	ui := session.UI{
		Progress: p.step,
		Note:     func(line string) { p.note("%s", line) },
		Text: func(piece string) {
			p.finish()
			fmt.Fprint(out, piece)
		},
	}
	if f.timeline != "" {
		ui.Trace = timeline.Add
	}
	if w != nil {
		ui.Watch = append(ui.Watch, w.live)
	}
	record := &recorder{path: f.record}
	if f.record != "" {
		ui.Watch = append(ui.Watch, record)
	}
	r, err := session.Run(c.Context(), d, o, ui)
	if closed := record.close(); err == nil {
		err = closed
	}
	switch {
	case errors.Is(err, generate.ErrTooLong):
		return fmt.Errorf("--tokens %d: %w", o.Tokens, err)
	case o.Capacity > 0 && errors.Is(err, backend.ErrCapacity):
		return fmt.Errorf("--capacity %d: %w", o.Capacity, err)
	case err != nil:
		return err
	}
	p.finish()
	if err := r.Write(out); err != nil {
		return err
	}
	if err := writeJSON(f.json, r); err != nil {
		return err
	}
	if f.timeline != "" {
		return timeline.Write(f.timeline)
	}
	return nil
}
