package tokenizer

import "unicode/utf8"

// byteRune maps each byte to the printable rune that stands for it in the
// vocabulary: printable Latin-1 stands for itself, the other 68 bytes follow
// from U+0100 on, as in GPT-2.
var byteRune = func() (runes [256]rune) {
	next := rune(256)
	for b := range runes {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			runes[b] = rune(b)
			continue
		}
		runes[b] = next
		next++
	}
	return runes
}()

var runeByte = func() map[rune]byte {
	bytes := make(map[rune]byte, 256)
	for b, r := range byteRune {
		bytes[r] = byte(b)
	}
	return bytes
}()

// bytesToRunes writes bytes as the vocabulary does.
func bytesToRunes(bytes string) string {
	runes := make([]rune, len(bytes))
	for i := range len(bytes) {
		runes[i] = byteRune[bytes[i]]
	}
	return string(runes)
}

// runesToBytes undoes bytesToRunes; what stands for no byte keeps its own bytes.
func runesToBytes(text string) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if b, ok := runeByte[r]; ok {
			out = append(out, b)
		} else {
			out = append(out, text[:size]...)
		}
		text = text[size:]
	}
	return out
}
