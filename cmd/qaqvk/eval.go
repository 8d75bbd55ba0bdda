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
)

type evalFlags struct {
	device          deviceFlags
	model, text     string
	methods         string
	context, tokens int
	window          int
	limit, shots    int
	tasks           [3]string // files, by the places of taskNames
	needle, attend  bool
	afterQuestion   bool
	threads         int
	json, logits    string
	profile         string
	paper           string
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
	s.StringVar(&f.profile, "profile", "", "profile of the model for the method calibrated (default: the one that ships)")
	s.StringVar(&f.methods, "methods", "f16,q8_0,q4_0-hadamard,qaq,calibrated", "what to measure, separated by commas; parameters behind a colon (qaq:key-error=0.005,alpha=0.01)")
	addNumber(s, &f.context, "context", 1024, 1, maxTokens, "tokens of the text that are read at once")
	addNumber(s, &f.tokens, "tokens", 8192, 1, maxTokens, "most tokens of the text; whole contexts are read")
	addNumber(s, &f.window, "window", 64, 1, 1024, "newest tokens kept as they came")
	for i, name := range taskNames {
		s.StringVar(&f.tasks[i], name, "", "file of tasks with several endings: six lines each (context, label, four endings), or JSON lines (goal, sol1, sol2, label, or context, endings, label)")
	}
	addNumber(s, &f.limit, "limit", 0, 0, math.MaxInt32, "most tasks of a file; 0: all")
	addNumber(s, &f.shots, "shots", 0, 0, 1024, "solved tasks, the first of the file, that each of the others follows; they are read once")
	s.BoolVar(&f.needle, "needle", false, "hide ten facts of one form in each context of the text and ask for each")
	s.BoolVar(&f.afterQuestion, "after-question", false, "compress a task's question when it has been read, and nothing of the endings, as the authors of QAQ do")
	s.BoolVar(&f.attend, "attend", false, "attention on the device in place of BLAS on the host; slow on a processor")
	addNumber(s, &f.threads, "threads", 0, 0, 4096, "processors to use; 0: all")
	addJSON(s, &f.json)
	s.StringVar(&f.logits, "logits-out", "", "write the logits of the one method behind every token of the text to this file, [tokens, vocabulary] f32 as NumPy has it")
	s.StringVar(&f.paper, "paper", "", "run the exhibits of the QAQ paper again and write index.html and CSV files to this folder; of tasks all but 5 tokens of the question is compressed when it has been read")
	return c
}

// check refuses flags that do not go together, before anything is loaded.
func (f *evalFlags) check(c *cobra.Command) ([]eval.Method, error) {
	for _, name := range append([]string{"model", "text", "json", "logits-out", "methods", "paper"}, taskNames[:]...) {
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
	case f.paper != "" && (f.text == "" || f.needle || f.logits != "" || f.afterQuestion || c.Flags().Changed("methods")):
		return nil, usageError{errors.New("--paper needs --text, has its own methods and ways, and goes without --needle and --logits-out")}
	case f.shots > 0 && (f.tasks == [3]string{} || f.afterQuestion || f.paper != ""):
		return nil, usageError{errors.New("--shots needs tasks, and goes without --after-question and --paper")}
	case f.logits != "" && len(methods) != 1:
		return nil, usageError{errors.New("--logits-out needs one method in --methods")}
	}
	outputs := []string{f.json, f.logits}
	if f.paper != "" {
		if err := os.MkdirAll(f.paper, 0o755); err != nil {
			return nil, fmt.Errorf("--paper: %w", err)
		}
		outputs = append(outputs, filepath.Join(f.paper, "index.html"))
	}
	for _, path := range outputs {
		if err := checkOutput(path); err != nil {
			return nil, err
		}
	}
	return methods, nil
}
