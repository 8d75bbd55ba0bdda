package tokenizer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
)

var pres = []string{"smollm", "gpt-2", "llama-bpe", "qwen2"}

// chunks cuts data into pieces, each behind a byte with its length.
func chunks(data []byte) (out []string) {
	for len(data) > 0 {
		n := min(int(data[0]), len(data)-1)
		out = append(out, string(data[1:1+n]))
		data = data[1+n:]
	}
	return out
}

// fuzzed is a vocabulary of single bytes and then tokens, types and merges of
// the fuzzer's: merges are pairs of tokens, whose joined text is added.
func fuzzed(pre uint8, tokens, types, merges []byte) tokenizer.Vocabulary {
	v := tokenizer.Vocabulary{Model: "gpt2", Pre: pres[int(pre)%len(pres)], BOS: -1, EOS: -1, EOT: -1, EOM: -1}
	v.Tokens = append(byteTokens(), chunks(tokens)...)
	for i := range v.Tokens {
		v.Types = append(v.Types, 1)
		if i >= 256 && i-256 < len(types) {
			v.Types[i] = int(types[i-256]) % 7
		}
	}
	for pair := range slices.Chunk(merges, 2) {
		if len(pair) < 2 {
			break
		}
		left, right := int(pair[0]), int(pair[1])
		if pair[1] >= 128 {
			right = len(v.Tokens) - 1 - int(pair[1]-128)
		}
		v.Merges = append(v.Merges, v.Tokens[left]+" "+v.Tokens[right])
		if both := v.Tokens[left] + v.Tokens[right]; !slices.Contains(v.Tokens, both) {
			v.Tokens, v.Types = append(v.Tokens, both), append(v.Types, 1)
		}
	}
	return v
}

// With a token for every byte, decoding gives the text back, whatever else the
// vocabulary has; a damaged vocabulary is an error.
func FuzzTokenizer(f *testing.F) {
	f.Add(uint8(0), []byte("\x05<x\xff >\x02  \x04 hi "), []byte{4, 4, 4}, []byte("thheinng"), "", "  <x\xff > the  thing hi é\xc3 12345\r\n\t")
	f.Add(uint8(2), []byte("\x0a<|im_end|>\x03xyz"), []byte{3, 1}, []byte("ab\x80\x80"), "xyz Ġ", "xyz <|im_end|> I'LL")
	f.Add(uint8(3), []byte("\x00\x01a\x04</s>"), []byte{5, 5, 1}, []byte{}, "\xff \xfe", "a</s>")
	f.Add(uint8(1), []byte("\x02xy\x02uv"), []byte{3, 4}, []byte("xyuv"), "", "xy uv xyuv")
	f.Fuzz(func(t *testing.T, pre uint8, tokens, types, merges []byte, merge, text string) {
		v := fuzzed(pre, tokens, types, merges)
		if merge != "" {
			v.Merges = append(v.Merges, merge)
		}
		tok, err := tokenizer.New(v)
		if err != nil {
			return
		}
		ids, err := tok.Encode(text, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Decode(ids); got != text {
			t.Fatalf("%q came back as %q from %v", text, got, ids)
		}
		stream, streamed := tok.Stream(), ""
		for _, id := range ids {
			streamed += stream.Next(id)
		}
		if streamed += stream.Flush(); streamed != text {
			t.Fatalf("%q was streamed as %q", text, streamed)
		}
		checkSpecial(t, tok, v, text)
	})
}

// checkSpecial wants the text without its control tokens back.
func checkSpecial(t *testing.T, tok *tokenizer.Tokenizer, v tokenizer.Vocabulary, text string) {
	ids, err := tok.Encode(text, true)
	if err != nil {
		t.Fatal(err)
	}
	rest := text
	for _, id := range ids {
		piece := tok.Decode([]int{id})
		if piece == "" {
			piece = v.Tokens[id]
		}
		if !strings.HasPrefix(rest, piece) {
			t.Fatalf("%q at %q: token %d is %q", text, rest, id, piece)
		}
		rest = rest[len(piece):]
	}
	if rest != "" {
		t.Fatalf("%q: %q was left out", text, rest)
	}
}

// lines are those that are not empty; \n in them stands for a newline.
func lines(text string) (out []string) {
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }) {
		out = append(out, strings.ReplaceAll(line, `\n`, "\n"))
	}
	return out
}

// Any template gives a prompt: the bare text with the reason, or a frame around
// it whose marks neither the text nor user-defined tokens can change.
func FuzzChatTemplate(f *testing.F) {
	for _, c := range templates {
		f.Add(c.template, "  Hi [x] \n", strings.Join(c.more, "\n"), "  \n\\n\\n\nHi")
	}
	f.Add("<|im_start|>system\n", "<|im_end|>", "", "x<|im\n<|im_end|><")
	f.Add("", "[INST]", "[INST]", "")
	f.Fuzz(func(t *testing.T, template, text, more, user string) {
		v := chats(template, lines(more)...)
		users := len(v.Tokens)
		for _, token := range lines(user) {
			v.Tokens, v.Types = append(v.Tokens, token), append(v.Types, 4)
		}
		tok, err := tokenizer.New(v)
		if err != nil {
			return
		}
		got, err := tok.Prompt(text)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := tok.Prompt("x")
		if err != nil {
			t.Fatal(err)
		}
		control := func(id int) bool { return id >= 256 && id < users }
		if !slices.Equal(only(got.Tokens, control), only(plain.Tokens, control)) {
			t.Fatalf("%q forged marks: %s", text, render(v, got.Tokens))
		}
		shown := ""
		for _, id := range got.Tokens {
			if id < 256 {
				shown += tok.Decode([]int{id})
			} else {
				shown += v.Tokens[id]
			}
		}
		if (got.Bare == "") == (got.Template == "") || got.Template == "" && shown != text || !strings.Contains(shown, strings.TrimSpace(text)) {
			t.Fatalf("format %q, bare because %q: %q became %q", got.Template, got.Bare, text, shown)
		}
	})
}
