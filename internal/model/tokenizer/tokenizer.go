// Package tokenizer is the byte-level BPE of GGUF files whose
// tokenizer.ggml.model is "gpt2": text to tokens and back.
//
// Text is cut at special tokens, then by the pre-tokenizer's regular
// expressions into words; the bytes of each word become printable runes and
// are merged pair by pair in the order of the merge list.
package tokenizer

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ErrUnsupported says that the vocabulary is of a kind this package cannot use.
var ErrUnsupported = errors.New("unsupported tokenizer")

// Token types as numbered in tokenizer.ggml.token_type.
const (
	typeNormal  = 1
	typeControl = 3
	typeUser    = 4
)

// Vocabulary is the tokenizer.ggml.* metadata of a model file.
type Vocabulary struct {
	Model    string   // tokenizer.ggml.model
	Pre      string   // tokenizer.ggml.pre
	Tokens   []string // text of every token
	Types    []int    // type of every token; may be empty
	Merges   []string // "left right", the first merged first
	BOS      int      // −1: none
	EOS, EOT int      // tokens that end a text or a turn, −1: none
	AddBOS   bool     // texts begin with BOS
	Template string   // tokenizer.chat_template
}

// merge is the rank of a pair and the token that it becomes.
type merge struct{ rank, id int }

// Tokenizer is immutable and safe for concurrent use.
type Tokenizer struct {
	vocab   Vocabulary
	ids     map[string]int
	merges  map[[2]int]merge
	bytes   [256]int // token of each single byte, −1: none
	text    [][]byte // bytes of every token, nil for control tokens
	split   splitter
	user    *regexp.Regexp // user-defined tokens, nil: none
	special *regexp.Regexp // user-defined and control tokens, nil: none
}

// New builds a tokenizer, or returns ErrUnsupported with the reason.
func New(v Vocabulary) (*Tokenizer, error) {
	if v.Model != "gpt2" {
		return nil, fmt.Errorf("tokenizer: model %q, only gpt2 (byte-level BPE): %w", v.Model, ErrUnsupported)
	}
	split, err := newSplitter(v.Pre)
	if err != nil {
		return nil, err
	}
	if len(v.Types) != 0 && len(v.Types) != len(v.Tokens) {
		return nil, fmt.Errorf("tokenizer: %d token types for %d tokens: %w", len(v.Types), len(v.Tokens), ErrUnsupported)
	}
	t := &Tokenizer{vocab: v, split: split}
	if err := t.indexTokens(); err != nil {
		return nil, err
	}
	if err := t.indexMerges(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Tokenizer) kind(id int) int {
	if len(t.vocab.Types) == 0 {
		return typeNormal
	}
	return t.vocab.Types[id]
}

func (t *Tokenizer) indexTokens() error {
	t.ids = make(map[string]int, len(t.vocab.Tokens))
	t.text = make([][]byte, len(t.vocab.Tokens))
	var user, special []string
	for id, text := range t.vocab.Tokens {
		if text == "" {
			return fmt.Errorf("tokenizer: token %d has no text: %w", id, ErrUnsupported)
		}
		t.ids[text] = id
		switch t.kind(id) {
		case typeControl:
			special = append(special, text)
		case typeUser:
			user, special = append(user, text), append(special, text)
			t.text[id] = []byte(text)
		default:
			t.text[id] = runesToBytes(text)
		}
	}
	t.user, t.special = anyOf(user), anyOf(special)
	t.indexBytes()
	return nil
}

// indexBytes notes the token of each byte. Some vocabularies lack control
// characters (SmolLM's has no 0x04); such bytes are left out of texts.
func (t *Tokenizer) indexBytes() {
	for b := range t.bytes {
		id, ok := t.ids[string(byteRune[b])]
		if !ok {
			id = -1
		}
		t.bytes[b] = id
	}
}

func (t *Tokenizer) indexMerges() error {
	t.merges = make(map[[2]int]merge, len(t.vocab.Merges))
	for rank, pair := range t.vocab.Merges {
		left, right, ok := strings.Cut(pair, " ")
		l, okLeft := t.ids[left]
		r, okRight := t.ids[right]
		id, okBoth := t.ids[left+right]
		if !ok || !okLeft || !okRight || !okBoth {
			return fmt.Errorf("tokenizer: merge %d %q joins no known tokens: %w", rank, pair, ErrUnsupported)
		}
		if _, twice := t.merges[[2]int{l, r}]; !twice {
			t.merges[[2]int{l, r}] = merge{rank, id}
		}
	}
	return nil
}

// anyOf returns an expression for the leftmost, then longest, of the texts.
func anyOf(texts []string) *regexp.Regexp {
	if len(texts) == 0 {
		return nil
	}
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = regexp.QuoteMeta(text)
	}
	re := regexp.MustCompile(strings.Join(quoted, "|"))
	re.Longest()
	return re
}

// Size returns the number of tokens.
func (t *Tokenizer) Size() int { return len(t.vocab.Tokens) }

// Ends reports whether the token ends a text or a turn.
func (t *Tokenizer) Ends(id int) bool {
	return id >= 0 && (id == t.vocab.EOS || id == t.vocab.EOT)
}
