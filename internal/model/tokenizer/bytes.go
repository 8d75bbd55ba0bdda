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

// runesToBytes undoes byteRune; a rune that stands for no byte keeps its UTF-8.
func runesToBytes(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if b, ok := runeByte[r]; ok {
			out = append(out, b)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}
