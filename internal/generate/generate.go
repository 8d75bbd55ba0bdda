// Package generate runs a model over a prompt, token by token, with its keys
// and values in a given store, and compares two such runs.
package generate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/internal/model"
)

// ErrTooLong says that prompt and answer are longer than the model's context.
var ErrTooLong = errors.New("too long")

// Options say how to generate.
type Options struct {
	Tokens int // tokens to generate, at least 1
	Batch  int // prompt tokens a step, at least 1
	// Next picks the i-th token from its logits [Vocab], which it may keep.
	Next func(i int, logits []float32) (int, error)
	// Ends tells whether a token ends the answer; nil: none does.
	Ends func(token int) bool
	// Prefilled is told how many tokens of the prompt are in, and may end the run; may
	// be nil.
	Prefilled func(done, all int) error
}

// Result is a finished run.
type Result struct {
	Tokens  []int         // generated
	Prefill time.Duration // for the prompt
	Decode  time.Duration // for all generated tokens but the first, which the prompt gives
}

// PrefillRate is tokens of the prompt per second.
func (r Result) PrefillRate(prompt int) float64 { return float64(prompt) / r.Prefill.Seconds() }

// DecodeRate is generated tokens per second, 0 if there was no step.
func (r Result) DecodeRate() float64 {
	if len(r.Tokens) < 2 {
		return 0
	}
	return float64(len(r.Tokens)-1) / r.Decode.Seconds()
}

// Check fails with ErrTooLong or for counts below 1 before anything runs.
func Check(c model.Config, prompt, tokens int) error {
	switch {
	case tokens < 1:
		return fmt.Errorf("generate: %d tokens: must be at least 1", tokens)
	case prompt < 1:
		return errors.New("generate: the prompt has no tokens")
	case tokens > c.Context-prompt: // their sum may overflow
		return fmt.Errorf("generate: prompt of %d tokens and %d more: the model's context is %d: %w", prompt, tokens, c.Context, ErrTooLong)
	}
	return nil
}

// Run puts the prompt into kv and generates.
func Run(ctx context.Context, m *model.Model, kv model.KV, prompt []int, o Options) (Result, error) {
	var r Result
	if err := Check(m.Config, len(prompt), o.Tokens); err != nil {
		return r, err
	}
	start := time.Now()
	logits, err := prefill(ctx, m, kv, prompt, o)
	if err != nil {
		return r, err
	}
	r.Prefill = time.Since(start)
	start = time.Now()
	for {
		token, err := o.Next(len(r.Tokens), logits)
		if err != nil {
			return r, err
		}
		r.Tokens = append(r.Tokens, token)
		r.Decode = time.Since(start)
		if len(r.Tokens) == o.Tokens || o.Ends != nil && o.Ends(token) {
			return r, nil
		}
		if err := ctx.Err(); err != nil {
			return r, fmt.Errorf("generate: after %d tokens: %w", len(r.Tokens), err)
		}
		if logits, err = m.Forward([]int{token}, kv); err != nil {
			return r, err
		}
	}
}

// prefill returns the logits after the prompt.
func prefill(ctx context.Context, m *model.Model, kv model.KV, prompt []int, o Options) (logits []float32, err error) {
	for done := 0; done < len(prompt); {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("generate: after %d of %d tokens of the prompt: %w", done, len(prompt), err)
		}
		n := min(max(o.Batch, 1), len(prompt)-done)
		if logits, err = m.Forward(prompt[done:done+n], kv); err != nil {
			return nil, err
		}
		done += n
		if o.Prefilled != nil {
			if err := o.Prefilled(done, len(prompt)); err != nil {
				return nil, err
			}
		}
	}
	return logits, nil
}
