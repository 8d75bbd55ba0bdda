package tokenizer

import (
	"regexp"
	"strings"
)

const (
	turnStart = "<|im_start|>"
	turnEnd   = "<|im_end|>"
)

// defaultSystem finds the system prompt that a ChatML template adds by itself;
// the newline is a character or the two characters \n, as the template has it.
var defaultSystem = regexp.MustCompile(`<\|im_start\|>system(?:\n|\\n)([^{}'"|<]+)<\|im_end\|>`)

// Prompt returns the tokens of a prompt for one answer. Where the model has a
// ChatML template, that is the template's default system turn, the user's turn
// and the start of the assistant's; else the plain text. BOS comes first where
// the model asks for it.
func (t *Tokenizer) Prompt(user string) ([]int, error) {
	var out []int
	if t.vocab.AddBOS && t.vocab.BOS >= 0 {
		out = append(out, t.vocab.BOS)
	}
	pieces := []part{{user, false}}
	if t.ChatML() {
		pieces = t.chat(user)
	}
	for _, p := range pieces {
		ids, err := t.Encode(p.text, p.special)
		if err != nil {
			return nil, err
		}
		out = append(out, ids...)
	}
	return out, nil
}

// ChatML reports whether the model's chat template marks turns with
// <|im_start|> and <|im_end|> and both are tokens.
func (t *Tokenizer) ChatML() bool {
	_, start := t.ids[turnStart]
	_, end := t.ids[turnEnd]
	return start && end && strings.Contains(t.vocab.Template, turnStart)
}

func (t *Tokenizer) chat(user string) []part {
	var head string
	if m := defaultSystem.FindStringSubmatch(t.vocab.Template); m != nil {
		head = turnStart + "system\n" + m[1] + turnEnd + "\n"
	}
	return []part{
		{head + turnStart + "user\n", true},
		{user, false},
		{turnEnd + "\n" + turnStart + "assistant\n", true},
	}
}
