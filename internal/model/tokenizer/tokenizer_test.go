package tokenizer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
)

// byteTokens returns GPT-2's 256 single-byte tokens in the order of the bytes.
func byteTokens() (out []string) {
	next := rune(256)
	for b := rune(0); b < 256; b++ {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			out = append(out, string(b))
			continue
		}
		out = append(out, string(next))
		next++
	}
	return out
}

// small has the bytes as tokens 0 to 255, then merged and special tokens.
func small() tokenizer.Vocabulary {
	v := tokenizer.Vocabulary{
		Model: "gpt2", Pre: "smollm", BOS: -1, EOS: 264, EOT: -1, EOM: -1,
		Tokens: append(byteTokens(), "Ġt", "he", "Ġthe", "in", "ing", "ab", "bc", // 256 to 262
			"<|im_start|>", "<|im_end|>", "<user>", "<user>>"), // 263 to 266
		Merges: []string{"Ġ t", "h e", "Ġt he", "i n", "in g", "b c", "a b"},
	}
	for i := range v.Tokens {
		kind := 1
		if i >= 263 {
			kind = 3
		}
		if i >= 265 {
			kind = 4
		}
		v.Types = append(v.Types, kind)
	}
	return v
}

func build(t *testing.T, v tokenizer.Vocabulary) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.New(v)
	require.NoError(t, err)
	return tok
}

func TestEncode(t *testing.T) {
	tok := build(t, small())
	for _, c := range []struct {
		name, text string
		special    bool
		want       []int
	}{
		{"empty", "", true, nil},
		{"merges in order", " the", false, []int{258}},
		{"rank before place", "abc", false, []int{'a', 262}},
		{"twice", "inging", false, []int{260, 260}},
		{"words do not merge", "i n", false, []int{'i', ' ', 'n'}},
		{"two bytes", "é", false, []int{0xc3, 0xa9}},
		{"control as text", "<|im_end|>", false, []int{'<', '|', 'i', 'm', '_', 'e', 'n', 'd', '|', '>'}},
		{"control as token", "a<|im_end|>b", true, []int{'a', 264, 'b'}},
		{"user-defined always", "a<user>b", false, []int{'a', 265, 'b'}},
		{"longest special", "<user>>", true, []int{266}},
		{"broken UTF-8", "\xff\xc3", false, []int{0xff, 0xc3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tok.Encode(c.text, c.special)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// User-defined tokens are the bytes that the file says, white space and bytes
// that are no UTF-8 included.
func TestUserTokensAreAnyBytes(t *testing.T) {
	v := small()
	for _, text := range []string{" hi ", "hi", "   ", "\n\n", "\xff\xfe(", "[a-z]+", "\x00"} { // 267 to 273
		v.Tokens, v.Types = append(v.Tokens, text), append(v.Types, 4)
	}
	tok := build(t, v)
	for _, c := range []struct {
		text string
		want []int
	}{
		{"hi", []int{268}},
		{" hi ", []int{267}},
		{"a hi", []int{'a', ' ', 268}},
		{"    ", []int{269, ' '}},
		{"a\n\n\nb", []int{'a', 270, '\n', 'b'}},
		{"\xff\xfe(\xff", []int{271, 0xff}},
		{"[a-z]+z", []int{272, 'z'}},
		{"\x00\x00", []int{273, 273}},
	} {
		for _, special := range []bool{false, true} {
			got, err := tok.Encode(c.text, special)
			require.NoError(t, err)
			assert.Equal(t, c.want, got, "%q", c.text)
			assert.Equal(t, c.text, tok.Decode(got))
		}
	}
}

// Normal tokens are written in runes that stand for bytes, user-defined ones
// plainly: "Ġ" is a space in one and a letter in the other.
func TestNormalAndUserTokensMayBeWrittenAlike(t *testing.T) {
	v := small()
	v.Tokens, v.Types = append(v.Tokens, "Ġ", "  "), append(v.Types, 4, 4) // 267, 268
	v.Merges = append(v.Merges, "Ġ Ġ")                                     // what it becomes is 268
	tok := build(t, v)
	got, err := tok.Encode(" Ġ", false)
	require.NoError(t, err)
	assert.Equal(t, []int{' ', 267}, got)
}

func TestMergesBuildNoControlTokens(t *testing.T) {
	v := small()
	v.Tokens, v.Types = append(v.Tokens, "xy"), append(v.Types, 3)
	v.Merges = append(v.Merges, "x y")
	tok := build(t, v)
	got, err := tok.Encode("xy", false)
	require.NoError(t, err)
	assert.Equal(t, []int{'x', 'y'}, got)
	got, err = tok.Encode("xy", true)
	require.NoError(t, err)
	assert.Equal(t, []int{267}, got)
}

func TestUnusedTokensTakeNoPart(t *testing.T) {
	v := small()
	v.Tokens, v.Types = append(v.Tokens, "", "a", "a"), append(v.Types, 5, 5, 5)
	tok := build(t, v)
	got, err := tok.Encode("a", true)
	require.NoError(t, err)
	assert.Equal(t, []int{'a'}, got)
	assert.Empty(t, tok.Decode([]int{267, 268, 269}))
}

// Four million letters in one word take seconds, not days.
func TestLongWords(t *testing.T) {
	got, err := build(t, small()).Encode(strings.Repeat("in", 200_000)+"g", false)
	require.NoError(t, err)
	require.Len(t, got, 200_000)
	assert.Equal(t, []int{259, 260}, got[199_998:])
}

func TestRoundTrip(t *testing.T) {
	texts := []string{"the thing", "  two  spaces \n\n\tend ", "日本語 🙂 ½ ٣", "don't 1234 x=3.14;", strings.Repeat("ab ", 1000), "\x00\x01\x7f", "caf\xe9 \xf0\x9f\x99 \xff"}
	for _, pre := range []string{"smollm", "gpt-2", "llama-bpe", "qwen2"} {
		v := small()
		v.Pre = pre
		tok := build(t, v)
		for _, text := range texts {
			ids, err := tok.Encode(text, true)
			require.NoError(t, err)
			assert.Equal(t, text, tok.Decode(ids), pre)
		}
	}
}

func TestDecodeLeavesOutWhatHasNoText(t *testing.T) {
	tok := build(t, small())
	assert.Equal(t, "a<user>b", tok.Decode([]int{263, 'a', 264, 265, -1, 999, 'b'}))
}

func TestStreamHoldsPartialCharacters(t *testing.T) {
	tok := build(t, small())
	ids, err := tok.Encode("aé🙂z", false)
	require.NoError(t, err)
	s, got := tok.Stream(), []string{}
	for _, id := range ids {
		got = append(got, s.Next(id))
	}
	assert.Equal(t, []string{"a", "", "é", "", "", "", "🙂", "z"}, got)
	assert.Empty(t, s.Flush())
	assert.Empty(t, s.Next(0xf0))
	assert.Equal(t, "\xf0", s.Flush())
	assert.Empty(t, s.Flush())
	assert.Equal(t, "\x80", s.Next(0x80), "a lone continuation byte is let through")
}

func TestBytesWithoutTokensAreLeftOut(t *testing.T) {
	v := small()
	v.Tokens[4] = "unused"
	tok := build(t, v)
	ids, err := tok.Encode("a\x04b", false)
	require.NoError(t, err)
	assert.Equal(t, []int{'a', 'b'}, ids)
}

func TestWholeWordsOfLlama3(t *testing.T) {
	v := small()
	v.Pre = "llama-bpe"
	v.Tokens = append(v.Tokens, "xyz") // 267, no merge builds it
	v.Types = append(v.Types, 1)
	ids, err := build(t, v).Encode("xyz", false)
	require.NoError(t, err)
	assert.Equal(t, []int{267}, ids)
	v.Pre = "qwen2"
	ids, err = build(t, v).Encode("xyz", false)
	require.NoError(t, err)
	assert.Equal(t, []int{'x', 'y', 'z'}, ids)
}

func TestNewRejects(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(v *tokenizer.Vocabulary)
		text string
	}{
		{"model", func(v *tokenizer.Vocabulary) { v.Model = "llama" }, `model "llama", only gpt2`},
		{"pre", func(v *tokenizer.Vocabulary) { v.Pre = "" }, `pre-tokenizer ""`},
		{"types", func(v *tokenizer.Vocabulary) { v.Types = v.Types[1:] }, "266 token types for 267 tokens"},
		{"no tokenizer", func(v *tokenizer.Vocabulary) { v.Model = "" }, "tokenizer.ggml.model is missing"},
		{"no pre", func(v *tokenizer.Vocabulary) { v.Pre = "" }, "tokenizer.ggml.pre is missing"},
		{"type", func(v *tokenizer.Vocabulary) { v.Types[7] = 9 }, "token 7 has type 9: must be 0 to 6"},
		{"type below", func(v *tokenizer.Vocabulary) { v.Types[7] = -1 }, "token 7 has type -1: must be 0 to 6"},
		{"bos", func(v *tokenizer.Vocabulary) { v.BOS = 267 }, "bos token 267: must be below 267"},
		{"eos", func(v *tokenizer.Vocabulary) { v.EOS = -2 }, "eos token -2: must be below 267"},
		{"eom", func(v *tokenizer.Vocabulary) { v.EOM = 1 << 40 }, "eom token 1099511627776: must be below 267"},
		{"empty token", func(v *tokenizer.Vocabulary) { v.Tokens[9] = "" }, "token 9 has no text"},
		{"empty user token", func(v *tokenizer.Vocabulary) { v.Tokens[265] = "" }, "token 265 has no text"},
		{"same text", func(v *tokenizer.Vocabulary) { v.Tokens[70] = "a" }, `tokens 70 and 97 have the same text "a"`},
		{"same special text", func(v *tokenizer.Vocabulary) { v.Tokens[265] = "<|im_end|>" }, `tokens 264 and 265 have the same text "<|im_end|>"`},
		{"long special", func(v *tokenizer.Vocabulary) { v.Tokens[265] = strings.Repeat(" ", 513) }, "special token 265 of 513 bytes: must be at most 512"},
		{"merge", func(v *tokenizer.Vocabulary) { v.Merges[2] = "Ġt x" }, `merge 2 "Ġt x"`},
		{"merge of one", func(v *tokenizer.Vocabulary) { v.Merges[0] = "ab" }, `merge 0 "ab"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := small()
			c.edit(&v)
			_, err := tokenizer.New(v)
			require.ErrorIs(t, err, tokenizer.ErrUnsupported)
			assert.Contains(t, err.Error(), c.text)
		})
	}
}
