package calibrate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/internal/model"
)

// temperature of the model's own text.
const temperature = 0.8

// Write lets the model write n windows of a length: answers to requests of many
// kinds, one behind the other, all windows side by side. The same seed gives the
// same text on the same machine. It tells progress in tokens of a window.
func Write(ctx context.Context, m *model.Model, n, length int, seed uint64, progress func(done, all int)) ([][]int, error) {
	w, err := newWriter(m, n, seed)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	for i := range length {
		progress(i, length)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("calibrate: token %d of %d: %w", i, length, err)
		}
		if err := w.step(i+1 < length); err != nil {
			return nil, fmt.Errorf("calibrate: token %d of %d: %w", i, length, err)
		}
	}
	progress(length, length)
	windows := make([][]int, n)
	for i := range w.texts {
		windows[i] = w.texts[i].tokens
	}
	return windows, nil
}

type writer struct {
	model *model.Model
	run   *model.Lockstep
	texts []written
}

// written is a window on its way.
type written struct {
	tokens   []int
	given    []int // tokens of the request that are still to come
	requests [][]int
	random   *rand.Rand
}

func newWriter(m *model.Model, n int, seed uint64) (*writer, error) {
	w := &writer{model: m, run: model.NewLockstep(m, n), texts: make([]written, n)}
	for i := range w.texts {
		t := &w.texts[i]
		t.random = rand.New(rand.NewPCG(seed, uint64(i)))
		// Requests in an order of the window's own, the first of a kind by its turn.
		for j := range requests {
			prompt, err := m.Tokenizer.Prompt(requests[(i+j*7)%len(requests)])
			if err != nil {
				return nil, err
			}
			t.requests = append(t.requests, prompt.Tokens)
		}
		t.ask()
	}
	return w, nil
}

// ask makes the next request what comes next.
func (t *written) ask() {
	t.given, t.requests = t.requests[0], append(t.requests[1:], t.requests[0])
}

// step appends a token to each window: of its request, or what the model says, and
// behind the end of an answer another request.
func (w *writer) step(more bool) error {
	next := make([]int, len(w.texts))
	for i := range w.texts {
		t := &w.texts[i]
		next[i], t.given = t.given[0], t.given[1:]
		t.tokens = append(t.tokens, next[i])
	}
	if !more {
		return nil
	}
	logits, err := w.run.Step(next)
	if err != nil {
		return err
	}
	for i := range w.texts {
		t := &w.texts[i]
		if len(t.given) > 0 {
			continue
		}
		said := choose(t.random.Float64(), logits[i*w.model.Vocab:(i+1)*w.model.Vocab])
		t.given = []int{said}
		if w.model.Tokenizer.Ends(said) {
			t.ask()
			t.given = append([]int{said}, t.given...)
		}
	}
	return nil
}

// choose draws a token from logits at the temperature.
func choose(u float64, logits []float32) int {
	top, sum := logits[0], 0.0
	for _, l := range logits {
		top = max(top, l)
	}
	for _, l := range logits {
		sum += math.Exp(float64(l-top) / temperature)
	}
	u *= sum
	for i, l := range logits {
		if u -= math.Exp(float64(l-top) / temperature); u < 0 {
			return i
		}
	}
	return len(logits) - 1
}
