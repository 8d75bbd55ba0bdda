package tokenizer_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEnds(t *testing.T) {
	v := small()
	v.EOS, v.EOT, v.EOM = 5, 263, 6
	tok := build(t, v)
	for id, want := range map[int]bool{5: true, 263: true, 6: true, 264: true, 265: false, -1: false, 7: false, 999: false} {
		assert.Equal(t, want, tok.Ends(id), id)
	}
}

// What ends a turn ends it whatever the file's eos is, and whatever type the
// file gives it.
func TestEndsByText(t *testing.T) {
	for _, text := range []string{"<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "</s>", "<end_of_turn>", "<|end|>", "<|file_sep|>", "<｜end▁of▁sentence｜>"} {
		for _, kind := range []int{3, 4} {
			v := small()
			v.EOS = -1
			v.Tokens, v.Types = append(v.Tokens, text), append(v.Types, kind)
			tok := build(t, v)
			assert.True(t, tok.Ends(267), "%s of type %d", text, kind)
			assert.True(t, tok.Ends(264), "<|im_end|>")
		}
	}
}

func TestNormalTokensEndNothing(t *testing.T) {
	v := small()
	v.Tokens = append(v.Tokens, "</", "</s", "</s>", "<|end|>") // 267 to 270; merges build 269, none 270
	v.Types = append(v.Types, 1, 1, 1, 1)
	v.Merges = append(v.Merges, "< /", "</ s", "</s >")
	tok := build(t, v)
	assert.False(t, tok.Ends(269), "a word of HTML")
	assert.True(t, tok.Ends(270), "nothing but a special token can be meant")
	ids, err := tok.Encode("</s><|end|>", false)
	assert.NoError(t, err)
	assert.Equal(t, []int{267, 's', '>', '<', '|', 'e', 'n', 'd', '|', '>'}, ids)

	v.Types = nil
	tok = build(t, v)
	assert.True(t, tok.Ends(264), "without types")
	assert.False(t, tok.Ends(269))
}
