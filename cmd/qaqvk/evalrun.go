package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/eval"
	"github.com/qaqvk/qaqvk/internal/eval/paper"
	"github.com/qaqvk/qaqvk/internal/modelfetch"
	"github.com/qaqvk/qaqvk/internal/npy"
	"github.com/qaqvk/qaqvk/internal/peers"
)

// run loads the model, reads the files and measures.
func (f *evalFlags) run(c *cobra.Command, d device.Device, methods []eval.Method) (err error) {
	p := newProgress(c.ErrOrStderr())
	defer p.finish()
	note := func(line string) { p.note("%s", line) }
	p.note("device %s, driver %s", d.Name(), d.Driver())
	o := eval.Options{Methods: methods, Progress: p.step}
	if o.Tasks, err = f.readTasks(); err != nil { // before the model: mistakes show at once
		return err
	}
	m, err := loadModel(c, &f.model, p)
	if err != nil {
		return err
	}
	defer m.Close()
	b := &eval.Bench{Model: m, Device: d, Window: f.window, Attend: f.attend, Late: f.afterQuestion, Profile: f.profile, Note: note}
	if b.CacheDir, err = modelfetch.CacheDir(); err != nil {
		return err
	}
	if err := f.readText(b, &o, note); err != nil {
		return err
	}
	if f.paper != "" {
		profile, err := b.HasProfile()
		if err != nil {
			return err
		}
		if o.Methods, err = paper.Methods(peers.Shape{KVHeads: m.KVHeads, HeadDim: m.HeadDim}, profile); err != nil {
			return err
		}
	}
	result, err := f.measure(c, b, o, note)
	if err != nil {
		return err
	}
	p.finish()
	return result.WriteMarkdown(c.OutOrStdout())
}

// readTasks reads the files of tasks.
func (f *evalFlags) readTasks() (list []*eval.Tasks, err error) {
	for i, path := range f.tasks {
		if path == "" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", taskNames[i], err)
		}
		limit := f.limit
		if limit > 0 {
			limit += f.shots
		}
		t, err := eval.NewTasks(taskNames[i], path, data, limit)
		if err == nil && f.shots > 0 {
			t, err = t.WithShots(f.shots)
		}
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", taskNames[i], err)
		}
		list = append(list, t)
	}
	return list, nil
}

// readText cuts the text into contexts.
func (f *evalFlags) readText(b *eval.Bench, o *eval.Options, note func(string)) error {
	if f.text == "" {
		return nil
	}
	data, err := os.ReadFile(f.text)
	if err != nil {
		return fmt.Errorf("--text: %w", err)
	}
	if o.Corpus, err = eval.NewCorpus(b.Model, filepath.Base(f.text), string(data), f.context, f.tokens); err != nil {
		return fmt.Errorf("--text: %w", err)
	}
	if n := o.Corpus.Tokens(); n < f.tokens {
		note(fmt.Sprintf("%d of %d tokens: whole contexts of %d that the text has", n, f.tokens, f.context))
	}
	if f.needle {
		o.Needle, err = o.Corpus.NewNeedle(b)
	}
	return err
}

// measure runs with the journal of such runs, which is kept until all files are
// written.
func (f *evalFlags) measure(c *cobra.Command, b *eval.Bench, o eval.Options, note func(string)) (*eval.Result, error) {
	key, err := b.Key(o)
	if err != nil {
		return nil, err
	}
	if o.Journal, err = eval.OpenJournal(b.CacheDir, key); err != nil {
		return nil, err
	}
	defer o.Journal.Close()
	if n := o.Journal.Len(); n > 0 {
		note(fmt.Sprintf("going on with %d parts that an interrupted run left", n))
	}
	var logits *npy.Writer
	if f.logits != "" {
		if logits, err = npy.Create(f.logits, o.Corpus.Tokens(), b.Model.Vocab); err != nil {
			return nil, err
		}
		defer logits.Discard()
		o.Logits = logits.Write
	}
	result, probe, err := f.results(c, b, o)
	if err != nil {
		return nil, err
	}
	result.Model = filepath.Base(f.model)
	if err := f.write(result, probe, logits); err != nil {
		return nil, err
	}
	return result, o.Journal.Done()
}

// write writes the files that were asked for.
func (f *evalFlags) write(r *eval.Result, p *eval.Probe, logits *npy.Writer) error {
	if f.paper != "" {
		if err := paper.Write(f.paper, r, p); err != nil {
			return err
		}
	}
	if logits != nil {
		if err := logits.Close(); err != nil {
			return err
		}
	}
	return writeJSON(f.json, r)
}

// results are those of the methods, and for the exhibits what rows look like.
func (f *evalFlags) results(c *cobra.Command, b *eval.Bench, o eval.Options) (*eval.Result, *eval.Probe, error) {
	if f.paper != "" {
		return paper.Run(c.Context(), b, o)
	}
	r, err := eval.Run(c.Context(), b, o)
	return r, nil, err
}
