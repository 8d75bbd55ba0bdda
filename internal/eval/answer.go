package eval

import (
	"context"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/internal/model"
)

// maxAnswer is the most tokens of an ending.
const maxAnswer = 512

// Answer is what a method makes of a question.
type Answer struct {
	LogLikelihood []float64 `json:"log_likelihood"` // of each ending, nats
	Size          Size      `json:"size"`           // at the end of the question
	Seconds       float64   `json:"seconds"`
}

// answer has every method answer all questions and fills in the result.
func (r *run) answer(ctx context.Context, t *Tasks, result *Result) error {
	shots, questions, err := r.encodeAll(t)
	if err != nil {
		return err
	}
	few := &fewShot{run: r, name: t.Name, tokens: shots, texts: map[string]Text{}}
	defer func() { few.close() }()
	answers := map[string][]Answer{}
	for _, name := range r.names() {
		answers[name] = make([]Answer, len(questions))
	}
	for _, e := range questions {
		few.longest = max(few.longest, len(shots)+e.longest())
	}
	for i, e := range questions {
		for _, m := range r.withReference() {
			key := entryKey{r.part(t.part), m.Name(), i}
			a := &answers[m.Name()][i]
			if r.journal.get(key, a) {
				r.done += e.tokens()
				continue
			}
			if *a, err = r.ask(ctx, m, few, e); err != nil {
				return fmt.Errorf("eval: %s, line %d: method %s: %w", t.Name, t.Questions[i].Line, m.Name(), err)
			}
			if err := r.journal.put(key, a); err != nil {
				return err
			}
			r.advance(t.Name, e.tokens())
		}
	}
	r.done += len(shots) * (len(r.names()) - len(few.texts)) // methods whose answers an earlier run left
	for i := range result.Rows {
		row := &result.Rows[i]
		row.answers(t, answers[row.Method], answers[f16])
	}
	return nil
}

// part names what is kept apart by how it was measured.
func (r *run) part(name string) string {
	if r.bench.Late {
		return name + " late"
	}
	return name
}

// withReference are all methods, f16 first.
func (r *run) withReference() []Method {
	list := []Method{coded{f16}}
	for _, m := range r.methods {
		if m.Name() != f16 {
			list = append(list, m)
		}
	}
	return list
}

// ask reads the question once and each ending from a fork of it.
func (r *run) ask(ctx context.Context, m Method, few *fewShot, e encoded) (a Answer, err error) {
	text, done, err := few.begin(ctx, m, e)
	defer done()
	if err != nil {
		return a, err
	}
	start := time.Now()
	first, err := r.question(ctx, text, e.prefix)
	if err != nil {
		return a, err
	}
	a.Size = text.Size()
	for _, tokens := range e.endings {
		l, err := r.ending(ctx, text, first, tokens)
		if err != nil {
			return a, err
		}
		a.LogLikelihood = append(a.LogLikelihood, l)
	}
	a.Seconds = time.Since(start).Seconds()
	return a, nil
}

// question reads a text and returns the distribution behind it.
func (r *run) question(ctx context.Context, text Text, tokens []int) (model.Distribution, error) {
	if r.bench.Late {
		text = newLate(r.bench, text)
	}
	return r.forward(ctx, text, tokens)
}

// forward goes on with a text and returns the distribution behind it.
func (r *run) forward(ctx context.Context, text Text, tokens []int) (first model.Distribution, err error) {
	for at := 0; at < len(tokens); at += StepTokens {
		if err := ctx.Err(); err != nil {
			return first, err
		}
		logits, err := r.bench.Model.Forward(tokens[at:min(at+StepTokens, len(tokens))], text)
		if err != nil {
			return first, err
		}
		if first, err = model.NewDistribution(logits); err != nil {
			return first, err
		}
	}
	return first, nil
}

// ending returns the log-likelihood of an ending.
func (r *run) ending(ctx context.Context, text Text, first model.Distribution, tokens []int) (sum float64, err error) {
	if len(tokens) > 1 {
		sum, _, err = r.goOn(ctx, text, tokens, 1)
	}
	return sum - first.NLL(tokens[0]), err
}

// goOn goes on with a fork of a text. It returns the log-likelihood of the tokens from
// the given one on, which is not the first, and whether each is the likeliest.
func (r *run) goOn(ctx context.Context, text Text, tokens []int, from int) (sum float64, likeliest bool, err error) {
	fork, err := text.Fork(ctx)
	if err != nil {
		return 0, false, err
	}
	step, vocab := StepTokens, r.bench.Model.Vocab
	if r.bench.Late {
		step = maxAnswer
	}
	likeliest = true
	for at := 0; at < len(tokens)-1; at += step {
		batch := tokens[at:min(at+step, len(tokens)-1)]
		logits, err := r.bench.Model.ForwardAll(batch, fork)
		if err != nil {
			return 0, false, err
		}
		for i := max(0, from-1-at); i < len(batch); i++ {
			d, err := model.NewDistribution(logits[i*vocab : (i+1)*vocab])
			if err != nil {
				return 0, false, err
			}
			next := tokens[at+i+1]
			sum, likeliest = sum-d.NLL(next), likeliest && d.Top == next
		}
	}
	return sum, likeliest, fork.Close()
}
