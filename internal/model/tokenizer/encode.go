package tokenizer

import "regexp"

// Encode returns the tokens of text, without BOS. User-defined tokens are found
// in the text; control tokens such as <|im_start|> only where special is set,
// so that a user's text cannot forge them. Bytes that are no UTF-8 are taken as
// U+FFFD; bytes that the vocabulary has no token for are left out.
func (t *Tokenizer) Encode(text string, special bool) ([]int, error) {
	re := t.user
	if special {
		re = t.special
	}
	var out []int
	for _, part := range cutSpecial(re, text) {
		if part.special {
			out = append(out, t.ids[part.text])
			continue
		}
		var err error
		if out, err = t.appendPlain(out, part.text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type part struct {
	text    string
	special bool
}

func cutSpecial(re *regexp.Regexp, text string) (parts []part) {
	end := 0
	if re != nil {
		for _, at := range re.FindAllStringIndex(text, -1) {
			if at[0] > end {
				parts = append(parts, part{text[end:at[0]], false})
			}
			parts = append(parts, part{text[at[0]:at[1]], true})
			end = at[1]
		}
	}
	if end < len(text) {
		parts = append(parts, part{text[end:], false})
	}
	return parts
}

func (t *Tokenizer) appendPlain(out []int, text string) ([]int, error) {
	words, err := t.split.words(text)
	if err != nil {
		return nil, err
	}
	for _, word := range words {
		out = t.appendWord(out, word)
	}
	return out, nil
}

func (t *Tokenizer) appendWord(out []int, word string) []int {
	if t.split.whole {
		runes := make([]rune, len(word))
		for i := range len(word) {
			runes[i] = byteRune[word[i]]
		}
		if id, ok := t.ids[string(runes)]; ok {
			return append(out, id)
		}
	}
	ids := make([]int, 0, len(word))
	for i := range len(word) {
		if id := t.bytes[word[i]]; id >= 0 {
			ids = append(ids, id)
		}
	}
	return append(out, t.mergeAll(ids)...)
}

// mergeAll merges the leftmost pair of lowest rank until no pair can be merged.
// next[i] caches the merge of ids[i] and ids[i+1].
func (t *Tokenizer) mergeAll(ids []int) []int {
	next := make([]merge, len(ids))
	for i := range ids {
		next[i] = t.pair(ids, i)
	}
	for {
		best := -1
		for i, m := range next {
			if m.id >= 0 && (best < 0 || m.rank < next[best].rank) {
				best = i
			}
		}
		if best < 0 {
			return ids
		}
		ids[best] = next[best].id
		ids = append(ids[:best+1], ids[best+2:]...)
		next = append(next[:best+1], next[best+2:]...)
		next[best] = t.pair(ids, best)
		if best > 0 {
			next[best-1] = t.pair(ids, best-1)
		}
	}
}

// pair returns the merge of ids[i] and ids[i+1], id −1 where there is none.
func (t *Tokenizer) pair(ids []int, i int) merge {
	if i+1 < len(ids) {
		if m, ok := t.merges[[2]int{ids[i], ids[i+1]}]; ok {
			return m
		}
	}
	return merge{id: -1}
}
