package tokenizer

import "strings"

// Begin returns what a text begins with: BOS where the model wants it, else
// nothing.
func (t *Tokenizer) Begin() []int {
	if t.vocab.AddBOS && t.vocab.BOS >= 0 {
		return []int{t.vocab.BOS}
	}
	return nil
}

// Encode returns the tokens of text, without BOS. User-defined tokens are found
// in the text; control tokens such as <|im_start|> only where special is set,
// so that a user's text cannot forge them. Text may be any bytes; those that
// the vocabulary has no token for are left out.
func (t *Tokenizer) Encode(text string, special bool) ([]int, error) {
	ids, _, err := t.encode([]part{{text, special}})
	return ids, err
}

// part is a piece of a text; only in special ones are control tokens found.
type part struct {
	text    string
	special bool
}

// encode returns the tokens of the parts, taken as one text: words and
// user-defined tokens may reach over their bounds, control tokens may not. It
// counts the bytes left out.
func (t *Tokenizer) encode(parts []part) (ids []int, leftOut int, err error) {
	e := encoder{t: t}
	var text strings.Builder
	for _, p := range parts {
		text.WriteString(p.text)
	}
	if err := e.cut(text.String(), parts); err != nil {
		return nil, 0, err
	}
	return e.ids, e.leftOut, nil
}

type encoder struct {
	t       *Tokenizer
	ids     []int
	leftOut int
	chain   chain
}

// cut appends the control tokens of special parts, the leftmost and then longest
// first, and the tokens of the text between them.
func (e *encoder) cut(text string, parts []part) error {
	at, done, end := 0, 0, 0
	for _, p := range parts {
		end += len(p.text)
		for p.special && at < end {
			skip, id, n := e.t.control.next(text[at:end])
			if at += skip; n == 0 {
				break
			}
			if err := e.between(text[done:at]); err != nil {
				return err
			}
			e.ids = append(e.ids, id)
			at += n
			done = at
		}
		at = end
	}
	return e.between(text[done:])
}

// between appends user-defined tokens and, between them, those of words.
func (e *encoder) between(text string) error {
	for text != "" {
		at, id, n := e.t.user.next(text)
		if err := e.plain(text[:at]); err != nil {
			return err
		}
		if n > 0 {
			e.ids = append(e.ids, id)
		}
		text = text[at+n:]
	}
	return nil
}

// plain appends the tokens of a text without special ones.
func (e *encoder) plain(text string) error {
	if text == "" {
		return nil
	}
	words, err := e.t.split.words(text)
	if err != nil {
		return err
	}
	for _, word := range words {
		e.word(word)
	}
	return nil
}

func (e *encoder) word(word string) {
	if e.t.split.whole {
		if id, ok := e.t.ids[bytesToRunes(word)]; ok {
			e.ids = append(e.ids, id)
			return
		}
	}
	e.leftOut += e.chain.start(word, &e.t.bytes)
	e.ids = append(e.ids, e.t.mergeAll(&e.chain)...)
}
