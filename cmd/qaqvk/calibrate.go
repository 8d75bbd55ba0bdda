package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/model"
)

type calibrateFlags struct {
	model   string
	texts   []string
	out     string
	windows int
	length  int
	options calibrate.Options
}

func newCalibrate() *cobra.Command {
	f := &calibrateFlags{}
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Make the profile that the calibrated codec needs of a model",
		Long: `Make the profile that the calibrated codec needs of a model, once for each model.

Text of the kind that will be used is run through the model, forwards and
backwards: what an error in a key or value costs is the gradient of the model's
own predictions. Several kinds of text in one profile serve each about as well as
a profile of its own. docs/profile.md describes the steps and the file.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	s := c.Flags()
	s.StringVar(&f.model, "model", "", "GGUF file (default: SmolLM2-135M-Instruct, fetched into the cache folder)")
	s.StringArrayVar(&f.texts, "text", nil, "file of text of the kind that will be used, as often as there are some; each gives the same share of the windows")
	s.StringVarP(&f.out, "output", "o", "", "profile to write")
	addNumber(s, &f.windows, "windows", 24, 1, 1<<16, "windows of text, fewer where the text ends")
	addNumber(s, &f.length, "length", 1024, 256, maxTokens, "tokens of a window, at most the model's context")
	addAbove(s, &f.options.Bits, "bits", 1.8, rawBits, "stored bits an element to aim at, of whole pages with their raw rows")
	addNumber(s, &f.options.Seed, "seed", 1, 0, math.MaxUint64, "seed of the labels drawn from the model's predictions")
	s.BoolVar(&f.options.ForwardOnly, "forward-only", false, "leave the gradients out: faster, and much weaker")
	return c
}

func (f *calibrateFlags) run(c *cobra.Command) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	if f.model, err = modelFile(c, f.model); err != nil {
		return err
	}
	p := newProgress(c.ErrOrStderr())
	defer p.finish()
	p.note("loading %s", f.model)
	m, err := model.Load(f.model)
	if err != nil {
		return err
	}
	defer m.Close()
	p.note("%s", m.Footprint)
	if f.options.ForwardOnly {
		p.note("without gradients the profile is much weaker: about four times the divergence at the same bytes")
	}
	r, err := f.calibrate(c.Context(), m, p)
	if err != nil {
		return err
	}
	if err := r.Profile.Save(f.out); err != nil {
		return err
	}
	p.finish()
	return f.report(c.OutOrStdout(), r)
}

func (f *calibrateFlags) check() error {
	if f.out == "" {
		return usageError{errors.New("--output: no file given")}
	}
	if len(f.texts) == 0 {
		return usageError{errors.New("--text: no file given: name text of the kind that will be used")}
	}
	return checkOutput(f.out)
}

func (f *calibrateFlags) calibrate(ctx context.Context, m *model.Model, p *progress) (*calibrate.Result, error) {
	texts, err := f.tokens(m)
	if err != nil {
		return nil, err
	}
	windows, err := calibrate.Cut(texts, f.windows, min(f.length, m.Context), m.Tokenizer.Begin())
	if err != nil {
		return nil, err
	}
	if len(windows) < f.windows {
		p.note("the text holds %d windows of the %d wanted", len(windows), f.windows)
	}
	return calibrate.Run(ctx, m, windows, f.options, func(done, all int) { p.step("calibrating", done, all) })
}

// tokens reads the texts and says in the options what they were.
func (f *calibrateFlags) tokens(m *model.Model) (texts [][]int, err error) {
	var names []string
	for _, path := range f.texts {
		text, err := readFile(path, maxText)
		if err != nil {
			return nil, fmt.Errorf("--text: %w", err)
		}
		tokens, err := m.Tokenizer.Encode(string(text), false)
		if err != nil {
			return nil, fmt.Errorf("--text: %s: %w", path, err)
		}
		texts = append(texts, tokens)
		names = append(names, filepath.Base(path))
	}
	f.options.Source = strings.Join(names, ", ")
	return texts, nil
}

// maxText is the most bytes of a text: far more than windows are cut from.
const maxText = 1 << 28

// report says what was made.
func (f *calibrateFlags) report(out io.Writer, r *calibrate.Result) error {
	info, err := os.Stat(f.out)
	if err != nil {
		return err
	}
	if !f.options.ForwardOnly {
		fmt.Fprintf(out, "perplexity of the text    %.2f\n", math.Exp(r.NLL))
	}
	_, err = fmt.Fprintf(out, "tokens                    %d\nstored bits an element    %.3f, raw tokens %.2f %%\nprofile                   %s, %d bytes, sha256 %s\n",
		r.Tokens, r.Bits, 100*r.Raw, f.out, info.Size(), r.Profile.Hash())
	return err
}
