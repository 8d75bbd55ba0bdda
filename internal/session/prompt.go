package session

import (
	"cmp"
	"fmt"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/generate"
	"github.com/qaqvk/qaqvk/internal/report"
)

// ask makes the prompt, says what became of its text, and checks that it fits
// with what is to be generated.
func (s *session) ask() error {
	o := s.options
	p, err := s.model.Tokenizer.Prompt(cmp.Or(o.Prompt, generate.DefaultPrompt))
	if err != nil {
		return err
	}
	s.prompt = p.Tokens
	s.report.Prompt = report.Prompt{Template: p.Template, Bare: p.Bare, LeftOut: p.LeftOut}
	s.ui.Note("prompt: " + s.report.Prompt.String())
	if err := generate.Check(s.model.Config, len(s.prompt), o.Tokens); err != nil {
		return err
	}
	// The last generated token has no rows.
	if need := len(s.prompt) + o.Tokens - 1; o.Capacity != 0 && o.Capacity < need {
		return fmt.Errorf("session: %d tokens of the prompt and %d to generate: capacity %d: %w", len(s.prompt), o.Tokens, o.Capacity, backend.ErrCapacity)
	}
	return nil
}
