package eval

import (
	"context"
	"fmt"
	"slices"
)

// Options say what to measure.
type Options struct {
	Methods []Method
	Corpus  *Corpus  // nil: no text is read
	Tasks   []*Tasks // of several choices
	Needle  *Needle  // nil: none is hidden
	Journal *Journal
	// Progress is told of tokens times methods, of all that is to be measured.
	Progress func(phase string, done, all int)
	// Logits takes the logits of the last method after every token of the text,
	// [n][Vocab] at a time; nil: nobody. What an earlier run kept is not used then.
	Logits func(logits []float32) error
}

// Run measures. Parts that the journal has are not done again; on an error it
// has those that were finished.
func Run(ctx context.Context, b *Bench, o Options) (*Result, error) {
	r := &run{bench: b, methods: o.Methods, journal: o.Journal, progress: o.Progress, logits: o.Logits}
	var err error
	if r.all, err = Work(b, o); err != nil {
		return nil, err
	}
	result := r.head(o)
	if o.Corpus != nil {
		passages, err := r.read(ctx, o.Corpus)
		if err != nil {
			return nil, err
		}
		for i := range result.Rows {
			row := &result.Rows[i]
			row.text(passages[row.Method], passages[f16])
		}
	}
	for _, t := range o.Tasks {
		if err := r.answer(ctx, t, result); err != nil {
			return nil, err
		}
	}
	if o.Needle != nil {
		if err := r.search(ctx, o.Needle, result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// Work is what a run with these options reads: tokens times methods. Errors are those
// of tasks that do not fit the model.
func Work(b *Bench, o Options) (tokens int, err error) {
	r := &run{bench: b, methods: o.Methods}
	if o.Corpus != nil {
		tokens += o.Corpus.Tokens()
	}
	for _, t := range o.Tasks {
		shots, questions, err := r.encodeAll(t)
		if err != nil {
			return 0, err
		}
		tokens += len(shots)
		for _, e := range questions {
			tokens += e.tokens()
		}
	}
	if o.Needle != nil {
		for _, t := range o.Needle.texts {
			tokens += t.size()
		}
	}
	return tokens * len(r.names()), nil
}

type run struct {
	bench     *Bench
	methods   []Method
	journal   *Journal
	progress  func(phase string, done, all int)
	logits    func(logits []float32) error
	done, all int // tokens times methods
}

// advance tells of work that was done. What an earlier run left is added to done
// alone, so that the time left follows from this one.
func (r *run) advance(phase string, tokens int) {
	r.done += tokens
	r.progress(phase, r.done, r.all)
}

// names are those of f16 and of all methods, each once.
func (r *run) names() []string {
	list := []string{f16}
	for _, m := range r.methods {
		if m.Name() != f16 {
			list = append(list, m.Name())
		}
	}
	return list
}

// head is the result without its figures.
func (r *run) head(o Options) *Result {
	res := &Result{Device: r.bench.Device.Name(), Driver: r.bench.Device.Driver(), Window: r.bench.Window, Mode: "reading", Attend: "host"}
	if r.bench.Attend {
		res.Attend = "device"
	}
	if r.bench.Late {
		res.Mode = "question"
	}
	if c := o.Corpus; c != nil {
		res.Text, res.Context, res.Tokens = c.Name, len(c.Contexts[0]), c.Tokens()
	}
	for _, t := range o.Tasks {
		res.Shots = t.shots
	}
	for _, m := range r.methods {
		res.Rows = append(res.Rows, Row{Method: m.Name(), Tasks: map[string]Tally{}})
	}
	return res
}

// open makes a text of every method, for up to so many tokens, and what closes
// all that was opened, also after an error.
func (r *run) open(ctx context.Context, methods []Method, tokens int) (texts []Text, closeAll func(), err error) {
	var stores []Store
	closeAll = func() {
		for _, s := range slices.Backward(stores) {
			s.Close()
		}
	}
	for _, m := range methods {
		store, err := m.Open(ctx, r.bench, tokens)
		if err != nil {
			return nil, closeAll, fmt.Errorf("eval: method %s: %w", m.Name(), err)
		}
		stores = append(stores, store)
		text, err := store.NewText(ctx)
		if err != nil {
			return nil, closeAll, fmt.Errorf("eval: method %s: %w", m.Name(), err)
		}
		texts = append(texts, text)
	}
	return texts, closeAll, nil
}
