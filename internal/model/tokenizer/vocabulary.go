package tokenizer

import (
	"fmt"
	"strings"
)

// Token types as numbered in tokenizer.ggml.token_type.
const (
	typeNormal  = 1
	typeControl = 3
	typeUser    = 4
	typeUnused  = 5
	typeByte    = 6
)

// indexTokens files every token by its text. Normal tokens are written in the
// runes that stand for bytes, the others as they are, so that the same text may
// be one of each.
func (t *Tokenizer) indexTokens(kinds []int) error {
	t.ids, t.special = make(map[string]int, len(kinds)), map[string]int{}
	t.text = make([][]byte, len(kinds))
	var user, control []entry
	for id, text := range t.vocab.Tokens {
		if kinds[id] == typeUnused {
			continue
		}
		special := kinds[id] == typeControl || kinds[id] == typeUser
		if err := t.file(id, special); err != nil {
			return err
		}
		switch kinds[id] {
		case typeControl:
			control = append(control, entry{text, id})
		case typeUser:
			user = append(user, entry{text, id})
			t.text[id] = []byte(text)
		default:
			t.text[id] = runesToBytes(text)
		}
	}
	t.user, t.control = newMatcher(user), newMatcher(control)
	t.indexBytes()
	return nil
}

// file notes the token under its text, or says why it cannot be told by it.
func (t *Tokenizer) file(id int, special bool) error {
	text, index := t.vocab.Tokens[id], t.ids
	if special {
		index = t.special
	}
	if text == "" {
		return fmt.Errorf("tokenizer: token %d has no text: %w", id, ErrUnsupported)
	}
	if special && len(text) > maxSpecial {
		return fmt.Errorf("tokenizer: special token %d of %d bytes: must be at most %d: %w", id, len(text), maxSpecial, ErrUnsupported)
	}
	if other, twice := index[text]; twice {
		return fmt.Errorf("tokenizer: tokens %d and %d have the same text %.40q: %w", other, id, text, ErrUnsupported)
	}
	index[text] = id
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

// indexMerges notes what pairs become. Control tokens come from no text, so a
// merge that builds one is left out.
func (t *Tokenizer) indexMerges() error {
	t.merges = make(map[[2]int]merge, len(t.vocab.Merges))
	for rank, pair := range t.vocab.Merges {
		left, right, ok := strings.Cut(pair, " ")
		l, okLeft := t.piece(left)
		r, okRight := t.piece(right)
		id, okBoth := t.piece(left + right)
		if !ok || !okLeft || !okRight || !okBoth {
			return fmt.Errorf("tokenizer: merge %d %.80q joins no known tokens: %w", rank, pair, ErrUnsupported)
		}
		if _, twice := t.merges[[2]int{l, r}]; !twice && t.text[id] != nil {
			t.merges[[2]int{l, r}] = merge{rank, id}
		}
	}
	return nil
}

// piece returns the token that merges write so: a normal one, or a special one
// of the same bytes, because files also call words of the vocabulary special.
func (t *Tokenizer) piece(runes string) (id int, ok bool) {
	if id, ok = t.ids[runes]; !ok {
		id, ok = t.special[string(runesToBytes(runes))]
	}
	return id, ok
}

// joined is the text that a pair of the merge list becomes.
func joined(pair string) string {
	left, right, _ := strings.Cut(pair, " ")
	return left + right
}
