package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Decode returns the text of the tokens; control tokens and tokens outside the
// vocabulary have none. Bytes that are no UTF-8 stay as they are.
func (t *Tokenizer) Decode(ids []int) string {
	var b strings.Builder
	for _, id := range ids {
		b.Write(t.bytesOf(id))
	}
	return b.String()
}

func (t *Tokenizer) bytesOf(id int) []byte {
	if id < 0 || id >= len(t.text) {
		return nil
	}
	return t.text[id]
}

// Stream decodes tokens one at a time and holds back the bytes of a character
// whose other bytes are in tokens to come.
type Stream struct {
	t    *Tokenizer
	held []byte
}

// Stream returns an empty Stream.
func (t *Tokenizer) Stream() *Stream { return &Stream{t: t} }

// Next returns the text that the token completes, whole characters only.
func (s *Stream) Next(id int) string {
	s.held = append(s.held, s.t.bytesOf(id)...)
	whole := len(s.held) - partial(s.held)
	text := string(s.held[:whole])
	s.held = append(s.held[:0], s.held[whole:]...)
	return text
}

// Flush returns what is held back, to be called at the end.
func (s *Stream) Flush() string {
	text := string(s.held)
	s.held = s.held[:0]
	return text
}

// partial returns the length of the unfinished character at the end of b.
func partial(b []byte) int {
	for n := 1; n <= min(len(b), utf8.UTFMax-1); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
