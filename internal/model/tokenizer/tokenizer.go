// Package tokenizer is the byte-level BPE of GGUF files whose
// tokenizer.ggml.model is "gpt2": text to tokens and back, and a user's text to
// the prompt that the file's chat template asks for.
//
// Text is cut at special tokens, then by the pre-tokenizer's regular
// expressions into words; the bytes of each word become printable runes and
// are merged pair by pair in the order of the merge list.
package tokenizer

import (
	"errors"
	"fmt"
)

// ErrUnsupported says that the vocabulary is of a kind this package cannot use.
var ErrUnsupported = errors.New("unsupported tokenizer")

// Vocabulary is the tokenizer.ggml.* metadata of a model file.
type Vocabulary struct {
	Model         string   // tokenizer.ggml.model
	Pre           string   // tokenizer.ggml.pre
	Tokens        []string // text of every token, any bytes
	Types         []int    // type of every token; may be empty
	Merges        []string // "left right", the first merged first
	BOS           int      // −1: none
	EOS, EOT, EOM int      // tokens that end a text, a turn, a message, −1: none
	AddBOS        bool     // texts begin with BOS
	Template      string   // tokenizer.chat_template
}

// merge is the rank of a pair and the token that it becomes.
type merge struct{ rank, id int }

// Tokenizer is immutable and safe for concurrent use.
type Tokenizer struct {
	vocab   Vocabulary
	ids     map[string]int // normal tokens by their runes
	special map[string]int // control and user-defined tokens by their bytes
	merges  map[[2]int]merge
	bytes   [256]int // token of each single byte, −1: none
	text    [][]byte // bytes of every token, nil for control and unused tokens
	split   splitter
	user    matcher // user-defined tokens
	control matcher
	ends    map[int]bool
	chat    format
	bare    string // why prompts are not framed, "" where chat frames them
}

// New builds a tokenizer, or returns ErrUnsupported with the reason.
func New(v Vocabulary) (*Tokenizer, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	split, err := newSplitter(v.Pre)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, split: split}
	if err := t.indexTokens(v.kinds()); err != nil {
		return nil, err
	}
	if err := t.indexMerges(); err != nil {
		return nil, err
	}
	t.indexEnds()
	t.chat, t.bare = t.format()
	return t, nil
}

// check refuses what no file should have; ids and types are in range after it.
func (v *Vocabulary) check() error {
	switch {
	case v.Model == "":
		return fmt.Errorf("tokenizer: tokenizer.ggml.model is missing: the file has no tokenizer: %w", ErrUnsupported)
	case v.Model != "gpt2":
		return fmt.Errorf("tokenizer: model %q, only gpt2 (byte-level BPE): %w", v.Model, ErrUnsupported)
	case len(v.Types) != 0 && len(v.Types) != len(v.Tokens):
		return fmt.Errorf("tokenizer: %d token types for %d tokens: %w", len(v.Types), len(v.Tokens), ErrUnsupported)
	}
	for _, special := range []struct {
		name string
		id   int
	}{{"bos", v.BOS}, {"eos", v.EOS}, {"eot", v.EOT}, {"eom", v.EOM}} {
		if special.id < -1 || special.id >= len(v.Tokens) {
			return fmt.Errorf("tokenizer: %s token %d: must be below %d, the number of tokens: %w", special.name, special.id, len(v.Tokens), ErrUnsupported)
		}
	}
	for id, kind := range v.Types {
		if kind < 0 || kind > typeByte {
			return fmt.Errorf("tokenizer: token %d has type %d: must be 0 to %d: %w", id, kind, typeByte, ErrUnsupported)
		}
	}
	return nil
}

// Size returns the number of tokens.
func (t *Tokenizer) Size() int { return len(t.vocab.Tokens) }
