package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/eval"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/modelfetch"
	"github.com/qaqvk/qaqvk/internal/npy"
	"github.com/qaqvk/qaqvk/internal/report"
)

type evalFlags struct {
	device          deviceFlags
	model, text     string
	methods         string
	context, tokens int
	window, limit   int
	tasks           [3]string // files, by the places of taskNames
	needle, attend  bool
	afterQuestion   bool
	threads         int
	json, logits    string
}

// taskNames are the flags and names of task files.
var taskNames = [3]string{"hellaswag", "piqa", "choices"}

func newEval() *cobra.Command {
	f := &evalFlags{}
	c := &cobra.Command{
		Use:   "eval",
		Short: "Measure what compression costs: perplexity, KL divergence, tasks, beside other codecs",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			methods, err := f.check(c)
			if err != nil {
				return err
			}
			if f.threads > 0 {
				runtime.GOMAXPROCS(f.threads)
				os.Setenv("LP_NUM_THREADS", strconv.Itoa(f.threads)) // llvmpipe's own
			}
			return f.device.use(func(d device.Device) error { return f.run(c, d, methods) })
		},
	}
	f.device.register(c)
	s := c.Flags()
	s.StringVar(&f.model, "model", "", "GGUF file (default: SmolLM2-135M-Instruct, fetched into the cache folder)")
	s.StringVar(&f.text, "text", "", "file whose text is read: perplexity, KL divergence, top-1 agreement")
	s.StringVar(&f.methods, "methods", "f16,q8_0,q4_0-hadamard,qaq", "what to measure, separated by commas; parameters behind a colon (qaq:key-error=0.005,alpha=0.01)")
	addNumber(s, &f.context, "context", 1024, 1, maxTokens, "tokens of the text that are read at once")
	addNumber(s, &f.tokens, "tokens", 8192, 1, maxTokens, "most tokens of the text; whole contexts are read")
	addNumber(s, &f.window, "window", 64, 1, 1024, "newest tokens kept as they came")
	for i, name := range taskNames {
		s.StringVar(&f.tasks[i], name, "", "file of tasks with several endings: six lines each (context, label, four endings), or JSON lines (goal, sol1, sol2, label, or context, endings, label)")
	}
	addNumber(s, &f.limit, "limit", 0, 0, math.MaxInt32, "most tasks of a file; 0: all")
	s.BoolVar(&f.needle, "needle", false, "hide facts in contexts of the text and ask for them")
	s.BoolVar(&f.afterQuestion, "after-question", false, "compress a task's question when it has been read, and nothing of the endings, as the authors of QAQ do")
	s.BoolVar(&f.attend, "attend", false, "attention on the device in place of BLAS on the host; slow on a processor")
	addNumber(s, &f.threads, "threads", 0, 0, 4096, "processors to use; 0: all")
	s.StringVar(&f.json, "json", "", "write the results to this file as JSON")
	s.StringVar(&f.logits, "logits-out", "", "write the logits of the one method behind every token of the text to this file, [tokens, vocabulary] f32 as NumPy has it")
	return c
}

// check refuses flags that do not go together, before anything is loaded.
func (f *evalFlags) check(c *cobra.Command) ([]eval.Method, error) {
	for _, name := range append([]string{"model", "text", "json", "logits-out", "methods"}, taskNames[:]...) {
		if l := c.Flags().Lookup(name); l.Changed && l.Value.String() == "" {
			return nil, fmt.Errorf("--%s \"\": is empty", name)
		}
	}
	methods, err := eval.Parse(f.methods)
	if err != nil {
		return nil, fmt.Errorf("--methods: %w", err)
	}
	switch {
	case f.text == "" && f.tasks == [3]string{}:
		return nil, usageError{errors.New("give --text, --hellaswag, --piqa or --choices")}
	case f.text == "" && (f.needle || f.logits != ""):
		return nil, usageError{errors.New("--needle and --logits-out need --text")}
	case f.logits != "" && len(methods) != 1:
		return nil, usageError{errors.New("--logits-out needs one method in --methods")}
	}
	for _, path := range []string{f.json, f.logits} {
		if err := checkOutput(path); err != nil {
			return nil, err
		}
	}
	return methods, nil
}

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
	if f.model == "" {
		if f.model, err = modelfetch.Fetch(c.Context(), c.ErrOrStderr()); err != nil {
			return err
		}
	}
	m, err := model.Load(f.model)
	if err != nil {
		return err
	}
	defer m.Close()
	note(m.Footprint.String())
	b := &eval.Bench{Model: m, Device: d, Window: f.window, Attend: f.attend, Late: f.afterQuestion, Note: note}
	if b.CacheDir, err = modelfetch.CacheDir(); err != nil {
		return err
	}
	if err := f.readText(b, &o, note); err != nil {
		return err
	}
	result, err := f.measure(c, b, o, note)
	if err != nil {
		return err
	}
	p.finish()
	if err := result.WriteMarkdown(c.OutOrStdout()); err != nil {
		return err
	}
	if f.json == "" {
		return nil
	}
	return report.WriteJSON(f.json, result)
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
		t, err := eval.NewTasks(taskNames[i], path, data, f.limit)
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

// measure runs with the journal of such runs.
func (f *evalFlags) measure(c *cobra.Command, b *eval.Bench, o eval.Options, note func(string)) (*eval.Result, error) {
	key, err := b.Key()
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
	result, err := eval.Run(c.Context(), b, o)
	if err != nil {
		return nil, err
	}
	result.Model = filepath.Base(f.model)
	if logits != nil {
		if err := logits.Close(); err != nil {
			return nil, err
		}
	}
	return result, o.Journal.Done()
}
