package eval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/blas"
)

// Skip are the first tokens of a context, which are not scored.
const Skip = 128

// ErrText says that a text cannot be evaluated.
var ErrText = errors.New("text cannot be evaluated")

// Passage is what a method did over one context of a text, a value for each
// scored token.
type Passage struct {
	NLL     []float32 `json:"nll"`  // −ln of the probability of the next token, nats; the last token has none
	KLD     []float32 `json:"kld"`  // KL(f16 ‖ method), nats
	Same    []bool    `json:"same"` // the most probable token is that of f16
	Size    Size      `json:"size"`
	Seconds float64   `json:"seconds"`
}

// contexts cuts a text's tokens into whole contexts; most bounds the tokens. A
// model whose texts begin with BOS has it as the first token of each.
func contexts(m *model.Model, tokens []int, context, most int) (list [][]int, err error) {
	switch {
	case context < Skip+2 || context > m.Context:
		return nil, fmt.Errorf("context of %d tokens: must be %d to %d, the model's: %w", context, Skip+2, m.Context, ErrText)
	case most < context:
		return nil, fmt.Errorf("%d tokens of the text: fewer than the context of %d: %w", most, context, ErrText)
	case len(tokens) < context:
		return nil, fmt.Errorf("text of %d tokens: shorter than the context of %d: %w", len(tokens), context, ErrText)
	}
	for at := 0; at+context <= min(len(tokens), most); at += context {
		list = append(list, tokens[at:at+context])
		copy(list[len(list)-1], m.Tokenizer.Begin())
	}
	return list, nil
}

// reading reads one context with f16 and with several methods in lock-step.
type reading struct {
	bench  *Bench
	tokens []int
	f16    *reader
	others []*reader
	plain  *plainRows                   // nil: f16 is read, and nothing of it kept
	logits func(logits []float32) error // takes those of the last method, [n][Vocab]; nil: nobody
	done   func(tokens int)             // is told of progress
	p      []float32                    // probabilities of f16, [StepTokens][Vocab]
}

// plainRows are the distributions of f16 over a context, [step][scored token], which
// the first group of methods leaves to the others: a vocabulary of f32 a token.
type plainRows struct{ steps [][]model.Distribution }

// reader has a method read a context.
type reader struct {
	text    Text
	passage Passage
	logits  []float32
	rows    []model.Distribution
}

// run reads all.
func (r *reading) run(ctx context.Context) error {
	for at := 0; at < len(r.tokens); at += StepTokens {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(StepTokens, len(r.tokens)-at)
		if err := r.step(at, n); err != nil {
			return fmt.Errorf("eval: tokens %d to %d of a context: %w", at, at+n-1, err)
		}
		r.done(n)
	}
	for _, m := range append([]*reader{r.f16}, r.others...) {
		if m.text != nil {
			m.passage.Size = m.text.Size()
		}
	}
	return nil
}

// reference takes the distributions of f16 for a step.
func (r *reading) reference(at, n, from int) error {
	if r.f16.text == nil {
		r.f16.rows = r.plain.steps[at/StepTokens]
		return nil
	}
	err := r.f16.forward(r, at, n, from)
	if err == nil && r.plain != nil {
		r.plain.steps = append(r.plain.steps, r.f16.rows)
	}
	return err
}

// step takes n tokens from the given one on.
func (r *reading) step(at, n int) error {
	from := min(max(Skip-at, 0), n) // the first scored token
	if err := r.reference(at, n, from); err != nil {
		return err
	}
	vocab := r.bench.Model.Vocab
	if r.p == nil {
		r.p = make([]float32, StepTokens*vocab)
	}
	blas.Parallel(len(r.f16.rows), func(i int) { r.f16.rows[i].Probabilities(r.p[i*vocab : (i+1)*vocab]) })
	if r.f16.text != nil {
		r.f16.score(r, at+from)
	}
	for _, m := range r.others {
		if err := m.forward(r, at, n, from); err != nil {
			return err
		}
		m.score(r, at+from)
	}
	last := append([]*reader{r.f16}, r.others...)[len(r.others)]
	if r.logits != nil {
		return r.logits(last.logits)
	}
	return nil
}

// forward computes the logits of a step and takes the distributions of those from
// the given one on.
func (m *reader) forward(r *reading, at, n, from int) (err error) {
	start, tokens := time.Now(), r.tokens[at:at+n]
	if from == n && r.logits == nil { // none is scored
		_, err = r.bench.Model.Forward(tokens, m.text)
		m.logits = nil
	} else {
		m.logits, err = r.bench.Model.ForwardAll(tokens, m.text)
	}
	m.passage.Seconds += time.Since(start).Seconds()
	if err != nil {
		return err
	}
	vocab := r.bench.Model.Vocab
	m.rows = make([]model.Distribution, n-from)
	failed := make([]error, n-from)
	blas.Parallel(n-from, func(i int) {
		m.rows[i], failed[i] = model.NewDistribution(m.logits[(from+i)*vocab : (from+i+1)*vocab])
	})
	return errors.Join(failed...)
}

// score compares the distributions with those of f16; the first is of token at.
func (m *reader) score(r *reading, at int) {
	kld, vocab := make([]float32, len(m.rows)), r.bench.Model.Vocab
	blas.Parallel(len(m.rows), func(i int) {
		kld[i] = float32(r.f16.rows[i].KLD(r.p[i*vocab:(i+1)*vocab], m.rows[i]))
	})
	p := &m.passage
	p.KLD = append(p.KLD, kld...)
	for i, row := range m.rows {
		p.Same = append(p.Same, row.Top == r.f16.rows[i].Top)
		if next := at + i + 1; next < len(r.tokens) {
			p.NLL = append(p.NLL, float32(row.NLL(r.tokens[next])))
		}
	}
}
