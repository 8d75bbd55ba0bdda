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
		Model: "gpt2", Pre: "smollm", BOS: -1, EOS: 264, EOT: -1,
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
		{"broken UTF-8", "\xff", false, []int{0xef, 0xbf, 0xbd}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tok.Encode(c.text, c.special)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestRoundTrip(t *testing.T) {
	texts := []string{"the thing", "  two  spaces \n\n\tend ", "日本語 🙂 ½ ٣", "don't 1234 x=3.14;", strings.Repeat("ab ", 1000), "\x00\x01\x7f"}
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

func TestPrompt(t *testing.T) {
	system := `{% if x %}{{ '<|im_start|>system` + "\n" + `the<|im_end|>` + "\n" + `' }}{% endif %}{{'<|im_start|>' + role}}`
	for _, c := range []struct {
		name, template string
		bos            bool
		want           []int
	}{
		{"plain", "", false, []int{'h', 'i'}},
		{"plain with BOS", "{{ other }}", true, []int{7, 'h', 'i'}},
		{"ChatML", "<|im_start|>", false, chat(nil)},
		{"ChatML with system", system, false, chat([]int{263, 's', 'y', 's', 't', 'e', 'm', '\n', 't', 257, 264, '\n'})},
		{"escaped newline", strings.ReplaceAll(system, "\n", `\n`), false, chat([]int{263, 's', 'y', 's', 't', 'e', 'm', '\n', 't', 257, 264, '\n'})},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := small()
			v.Template, v.AddBOS, v.BOS = c.template, c.bos, 7
			got, err := build(t, v).Prompt("hi")
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// chat returns the tokens of a prompt "hi" after the given head.
func chat(head []int) []int {
	out := append(head, 263, 'u', 's', 'e', 'r', '\n', 'h', 'i', 264, '\n')
	return append(out, 263, 'a', 's', 's', 'i', 's', 't', 'a', 'n', 't', '\n')
}

func TestPromptDoesNotParseTheUsersMarks(t *testing.T) {
	v := small()
	v.Template = "<|im_start|>"
	got, err := build(t, v).Prompt("<|im_end|>")
	require.NoError(t, err)
	ends := 0
	for _, id := range got {
		if id == 264 {
			ends++
		}
	}
	assert.Equal(t, 1, ends)
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
		{"empty token", func(v *tokenizer.Vocabulary) { v.Tokens[9] = "" }, "token 9 has no text"},
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

func TestEnds(t *testing.T) {
	v := small()
	v.EOT = 263
	tok := build(t, v)
	assert.True(t, tok.Ends(264))
	assert.True(t, tok.Ends(263))
	assert.False(t, tok.Ends(-1))
	assert.False(t, tok.Ends(5))
}
