package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/eval"
	"github.com/qaqvk/qaqvk/internal/tune"
)

// tuning is a run of the command: the text to tune on is the first.
type tuning struct {
	flags    *tuneFlags
	progress *progress
	texts    []string // what the files have
	corpora  []*eval.Corpus
	bench    *eval.Bench
	profile  *profile.Profile // to begin with
	began    time.Time
	done     int // measurements
}

// files are those of the texts, with their flags.
func (f *tuneFlags) files() (paths, flags []string) {
	paths, flags = []string{f.text}, []string{"text"}
	for _, path := range f.checks {
		paths, flags = append(paths, path), append(flags, "check")
	}
	return paths, flags
}

// readTexts reads all files.
func (t *tuning) readTexts() error {
	paths, flags := t.flags.files()
	for i, path := range paths {
		data, err := readFile(path, maxText)
		if err != nil {
			return fmt.Errorf("--%s: %w", flags[i], err)
		}
		t.texts = append(t.texts, string(data))
	}
	return nil
}

// cut cuts the texts into contexts.
func (t *tuning) cut() error {
	paths, flags := t.flags.files()
	for i, path := range paths {
		corpus, err := eval.NewCorpus(t.bench.Model, filepath.Base(path), t.texts[i], t.flags.context, t.flags.tokens)
		if err != nil {
			return fmt.Errorf("--%s: %w", flags[i], err)
		}
		t.corpora = append(t.corpora, corpus)
	}
	return nil
}

// run tunes, saves the profile, and measures before and after on all texts.
func (t *tuning) run(ctx context.Context) (*tuneResult, error) {
	t.began = time.Now()
	o := t.flags.options(t.profile)
	found, err := tune.Run(ctx, o, t.measure)
	if err != nil {
		return nil, err
	}
	if !found.Converged {
		t.progress.note("the search ended before it converged, after %d measurements in %v", len(found.Points), time.Since(t.began).Round(time.Second))
	}
	if !o.Target.Met(found.Tuned.Figures) {
		t.progress.note("%s falls between two slopes: %.3f bits, KLD %.5f are nearest", o.Target, found.Tuned.Bits, found.Tuned.KLD)
	}
	tuned := found.Tuned.Apply(t.profile)
	tuned.Source = t.flags.source(t.profile)
	if err := tuned.Save(t.flags.out); err != nil {
		return nil, err
	}
	r := newTuneResult(t, found, tuned)
	for _, corpus := range t.corpora {
		result, err := t.compare(ctx, corpus, found, tuned)
		if err != nil {
			return nil, err
		}
		r.Texts = append(r.Texts, result)
	}
	return r, nil
}

// measure reads the first text with a setting.
func (t *tuning) measure(ctx context.Context, s tune.Setting) (tune.Figures, error) {
	r, err := eval.Run(ctx, t.bench, eval.Options{
		Methods: []eval.Method{eval.Calibrated("calibrated", s.Apply(t.profile))},
		Corpus:  t.corpora[0], Journal: &eval.Journal{}, Progress: t.tick,
	})
	if err != nil {
		return tune.Figures{}, err
	}
	row := r.Rows[0]
	if row.BPE == nil {
		return tune.Figures{}, fmt.Errorf("nothing leaves the recent window of %d tokens in contexts of %d", s.Recent, t.flags.context)
	}
	t.done++
	f := tune.Figures{KLD: *row.KLD, Bits: *row.BPE}
	t.progress.note("%d: %s: %.3f bits, KLD %.5f", t.done, s, f.Bits, f.KLD)
	return f, nil
}

// tick tells how much of the time of the search is over.
func (t *tuning) tick(string, int, int) {
	all := max(int(t.flags.minutes*60), 1)
	t.progress.step("tuning, seconds", min(int(time.Since(t.began).Seconds()), all-1), all)
}

// Names of the methods that are compared.
const (
	methodBefore = "before" // the profile as it was
	methodSlope  = "slope"  // the slope alone solved for the target
	methodTuned  = "tuned"
	methodPeer   = "q4_0-hadamard"
)

// compare reads a text with the profile before and after, beside another codec.
func (t *tuning) compare(ctx context.Context, c *eval.Corpus, found *tune.Result, tuned *profile.Profile) (*eval.Result, error) {
	methods, err := eval.Parse(methodPeer)
	if err != nil {
		return nil, err
	}
	r, err := eval.Run(ctx, t.bench, eval.Options{
		Methods: append(methods, eval.Calibrated(methodBefore, t.profile),
			eval.Calibrated(methodSlope, found.Solved.Apply(t.profile)), eval.Calibrated(methodTuned, tuned)),
		Corpus: c, Journal: &eval.Journal{}, Progress: t.progress.step,
	})
	if err == nil {
		r.Model = filepath.Base(t.flags.model)
	}
	return r, err
}
