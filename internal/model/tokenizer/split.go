package tokenizer

import (
	"fmt"

	"github.com/dlclark/regexp2"
)

// GPT-2's words, and the newer form that Llama 3 and Qwen 2 share but for the
// number of digits in a word. Both need lookahead, hence regexp2.
const (
	gpt2Words = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	newWords  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,%d}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// splitter cuts text into words; the first expression cuts the text, each
// further one the pieces of the one before.
type splitter struct {
	stages []*regexp2.Regexp
	whole  bool // a word that is a token is not built by merges
}

// known are the pre-tokenizers (tokenizer.ggml.pre) that newSplitter has.
const known = "smollm, starcoder, gpt-2, phi-2, llama-bpe, llama3, llama-v3, qwen2, deepseek-r1-qwen"

// newSplitter returns the pre-tokenizer of that name.
func newSplitter(pre string) (splitter, error) {
	switch pre {
	case "smollm", "starcoder":
		return compile(false, `\p{N}`, gpt2Words), nil
	case "gpt-2", "phi-2":
		return compile(false, gpt2Words), nil
	case "llama-bpe", "llama3", "llama-v3":
		return compile(true, fmt.Sprintf(newWords, 3)), nil
	case "qwen2", "deepseek-r1-qwen":
		return compile(false, fmt.Sprintf(newWords, 1)), nil
	case "":
		return splitter{}, fmt.Errorf("tokenizer: tokenizer.ggml.pre is missing: pre-tokenizer \"\" (known: %s): %w", known, ErrUnsupported)
	}
	return splitter{}, fmt.Errorf("tokenizer: pre-tokenizer %.80q (known: %s): %w", pre, known, ErrUnsupported)
}

func compile(whole bool, expressions ...string) splitter {
	s := splitter{whole: whole}
	for _, e := range expressions {
		s.stages = append(s.stages, regexp2.MustCompile(e, regexp2.None))
	}
	return s
}

// words cuts text; the words joined are the text.
func (s splitter) words(text string) ([]string, error) {
	pieces := []string{text}
	for _, re := range s.stages {
		var next []string
		for _, piece := range pieces {
			cut, err := cutAll(re, piece)
			if err != nil {
				return nil, fmt.Errorf("tokenizer: split: %w", err)
			}
			next = append(next, cut...)
		}
		pieces = next
	}
	return pieces, nil
}

// cutAll returns the matches of re and what lies between them, in order. Bytes
// that are no UTF-8 match as U+FFFD and stay what they are.
func cutAll(re *regexp2.Regexp, text string) ([]string, error) {
	runes, starts := make([]rune, 0, len(text)), make([]int, 0, len(text)+1)
	for at, r := range text {
		runes, starts = append(runes, r), append(starts, at)
	}
	starts = append(starts, len(text))
	var out []string
	end := 0
	m, err := re.FindRunesMatch(runes)
	for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
		from, to := starts[m.Index], starts[m.Index+m.Length]
		if from > end {
			out = append(out, text[end:from])
		}
		out = append(out, text[from:to])
		end = to
	}
	if end < len(text) {
		out = append(out, text[end:])
	}
	return out, err
}
