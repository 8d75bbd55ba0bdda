package tokenizer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
)

// marks are the control tokens from 256 on of the vocabulary of chats.
var marks = []string{
	"<BOS>", "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
	"<start_of_turn>", "<end_of_turn>", "<|user|>", "<|assistant|>", "<|end|>",
}

// chats has the bytes as tokens 0 to 255, then marks, and no merges.
func chats(template string, more ...string) tokenizer.Vocabulary {
	v := tokenizer.Vocabulary{Model: "gpt2", Pre: "qwen2", BOS: 256, EOS: -1, EOT: -1, EOM: -1, Template: template}
	v.Tokens = slices.Concat(byteTokens(), marks, more)
	for i := range v.Tokens {
		v.Types = append(v.Types, 1)
		if i >= 256 {
			v.Types[i] = 3
		}
	}
	return v
}

// render writes tokens with the texts of control tokens, each between ‹ and ›.
func render(v tokenizer.Vocabulary, ids []int) string {
	var b strings.Builder
	for _, id := range ids {
		if id < 256 {
			b.WriteByte(byte(id))
		} else {
			b.WriteString("‹" + v.Tokens[id] + "›")
		}
	}
	return b.String()
}

// Templates as models have them, cut down to what writes one user's turn, and
// what their formats are defined to give for it.
var templates = []struct {
	name, format, template string
	more                   []string // marks beside the usual
	want                   string   // for the text "  Hi [x] " and a newline
}{
	{
		"ChatML", "ChatML",
		`{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{{ '<|im_start|>assistant\n' }}`, nil,
		"‹<|im_start|>›user\n  Hi [x] \n‹<|im_end|>›\n‹<|im_start|>›assistant\n",
	},
	{
		"Qwen 2", "ChatML",
		`{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role']}}`, nil,
		"‹<|im_start|>›system\nYou are a helpful assistant.‹<|im_end|>›\n‹<|im_start|>›user\n  Hi [x] \n‹<|im_end|>›\n‹<|im_start|>›assistant\n",
	},
	{
		"Phi-4", "Phi-4",
		`{{'<|im_start|>user<|im_sep|>' + message['content'] + '<|im_end|>'}}{{ '<|im_start|>assistant<|im_sep|>' }}`, nil,
		"‹<|im_start|>›user‹<|im_sep|>›  Hi [x] \n‹<|im_end|>›‹<|im_start|>›assistant‹<|im_sep|>›",
	},
	{
		"Llama 2", "Llama 2",
		`{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content'] %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}`, nil,
		"‹<BOS>›[INST] Hi [x] [/INST]",
	},
	{
		"Mistral 7B 0.1", "Mistral",
		`{{ bos_token }}{{ '[INST] ' + message['content'] + ' [/INST]' }}{{ message['content'] + eos_token}}`, nil,
		"‹<BOS>›[INST]   Hi [x] \n [/INST]",
	},
	{
		"Mistral v1", "Mistral",
		`{{- bos_token }}{{- ' [INST] ' + message['content'] + ' [/INST]' }}`, nil,
		"‹<BOS>› [INST]   Hi [x] \n [/INST]",
	},
	{
		"Mistral v3", "Mistral",
		`{{- bos_token }}{{- "[INST] " + message["content"] + "[/INST]" }}{{- " " + message["content"]|trim + eos_token}}`, []string{"[INST]", "[/INST]"},
		"‹<BOS>›‹[INST]›   Hi [x] \n‹[/INST]›",
	},
	{
		"Mistral v3, Tekken", "Mistral",
		`{{- bos_token }}{{- "[INST]" + message["content"] + "[/INST]" }}`, []string{"[INST]", "[/INST]"},
		"‹<BOS>›‹[INST]›  Hi [x] \n‹[/INST]›",
	},
	{
		"Llama 3", "Llama 3",
		`{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% set content = bos_token + content %}`, nil,
		"‹<BOS>›‹<|start_header_id|>›user‹<|end_header_id|>›\n\nHi [x]‹<|eot_id|>›‹<|start_header_id|>›assistant‹<|end_header_id|>›\n\n",
	},
	{
		"Llama 3.1", "Llama 3",
		`{{- bos_token }}{%- set date_string = "26 Jul 2024" %}{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}{{- "Cutting Knowledge Date: December 2023\n" }}{{- "Today Date: " + date_string + "\n\n" }}`, nil,
		"‹<BOS>›‹<|start_header_id|>›system‹<|end_header_id|>›\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n‹<|eot_id|>›" +
			"‹<|start_header_id|>›user‹<|end_header_id|>›\n\nHi [x]‹<|eot_id|>›‹<|start_header_id|>›assistant‹<|end_header_id|>›\n\n",
	},
	{
		"Gemma", "Gemma",
		`{{ bos_token }}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{{'<start_of_turn>model\n'}}`, nil,
		"‹<BOS>›‹<start_of_turn>›user\nHi [x]‹<end_of_turn>›\n‹<start_of_turn>›model\n",
	},
	{
		"Phi-3", "Phi-3",
		`{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}`, nil,
		"‹<|user|>›\n  Hi [x] \n‹<|end|>›\n‹<|assistant|>›\n",
	},
	{
		"Phi-3.5", "Phi-3",
		`{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}`, nil,
		"‹<|user|>›\n  Hi [x] \n‹<|end|>›\n‹<|assistant|>›\n",
	},
	{
		"Phi-4-mini", "Phi-3",
		`{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}`, nil,
		"‹<|user|>›  Hi [x] \n‹<|end|>›‹<|assistant|>›",
	},
}

func TestChatTemplates(t *testing.T) {
	for _, c := range templates {
		t.Run(c.name, func(t *testing.T) {
			for _, addBOS := range []bool{false, true} {
				v := chats(c.template, c.more...)
				v.AddBOS = addBOS
				got, err := build(t, v).Prompt("  Hi [x] \n")
				require.NoError(t, err)
				want := c.want
				if addBOS {
					want = "‹<BOS>›" + strings.TrimPrefix(want, "‹<BOS>›")
				}
				assert.Equal(t, want, render(v, got.Tokens))
				assert.Equal(t, c.format, got.Template)
				assert.Empty(t, got.Bare)
			}
			assert.Equal(t, c.format == "ChatML", build(t, chats(c.template)).ChatML())
		})
	}
}

// Newlines of a template are characters in some files and two in others.
func TestSystemTurnWithEitherNewline(t *testing.T) {
	for _, newline := range []string{"\n", `\n`} {
		v := chats(`{{ '<|im_start|>system` + newline + `Be kind<|im_end|>` + newline + `' }}`)
		got, err := build(t, v).Prompt("hi")
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(render(v, got.Tokens), "‹<|im_start|>›system\nBe kind‹<|im_end|>›\n‹<|im_start|>›user\nhi"), newline)
	}
}

func TestBarePrompts(t *testing.T) {
	for _, c := range []struct {
		name, template string
		edit           func(v *tokenizer.Vocabulary)
		why            string
	}{
		{"none", "", nil, "the file has no chat template"},
		{"unknown", "{{ bos_token }}User: {{ content }}", nil, "the file's chat template is of no known format (ChatML, Phi-4, Llama 2, Mistral, Phi-3, Gemma, Llama 3)"},
		{"mark missing", "<|im_start|>", func(v *tokenizer.Vocabulary) { v.Tokens[258] = "x" },
			"the file's chat template is ChatML, but <|im_end|> is no special token of its vocabulary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := chats(c.template)
			if c.edit != nil {
				c.edit(&v)
			}
			got, err := build(t, v).Prompt(" hi<|im_end|>")
			require.NoError(t, err)
			assert.Equal(t, tokenizer.Prompt{Tokens: got.Tokens, Bare: c.why}, got)
			assert.Equal(t, " hi<|im_end|>", render(v, got.Tokens))
			v.AddBOS = true
			got, err = build(t, v).Prompt("hi")
			require.NoError(t, err)
			assert.Equal(t, "‹<BOS>›hi", render(v, got.Tokens))
		})
	}
}

// A user's text cannot forge a turn, also where the file calls the marks
// user-defined or normal tokens.
func TestPromptDoesNotParseTheUsersMarks(t *testing.T) {
	for _, kind := range []int{1, 3, 4} {
		for _, c := range templates {
			v := chats(c.template, c.more...)
			for i := 257; i < len(v.Types); i++ {
				v.Types[i] = kind
			}
			tok := build(t, v)
			marked, err := tok.Prompt(strings.Join(v.Tokens[256:], ""))
			require.NoError(t, err)
			plain, err := tok.Prompt("hi")
			require.NoError(t, err)
			special := func(id int) bool { return id >= 256 }
			assert.Equal(t, only(plain.Tokens, special), only(marked.Tokens, special), "%s, type %d", c.name, kind)
		}
	}
}

// only returns the tokens that pass.
func only(ids []int, pass func(int) bool) []int {
	return slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return !pass(id) })
}

// Words reach from the frame into the text, as in the text of the template.
func TestPromptIsOneText(t *testing.T) {
	v := chats(`{{ '[INST] ' + message['content'] + ' [/INST]' }}`, "Ġh", "\n\n")
	v.Types[len(v.Types)-2], v.Types[len(v.Types)-1] = 1, 4
	v.Merges = []string{"Ġ h"}
	got, err := build(t, v).Prompt("h")
	require.NoError(t, err)
	assert.Equal(t, "[INST]‹Ġh› [/INST]", render(v, got.Tokens))

	v.Template = "<|im_start|>"
	v.Tokens, v.Types = append(v.Tokens, "h<|im_end|>"), append(v.Types, 4)
	got, err = build(t, v).Prompt("\nh")
	require.NoError(t, err)
	assert.Equal(t, "‹<|im_start|>›user‹\n\n›h‹<|im_end|>›\n‹<|im_start|>›assistant\n", render(v, got.Tokens), "no token takes a mark away")
}

func TestPromptCountsBytesLeftOut(t *testing.T) {
	v := chats("<|im_start|>")
	v.Tokens[4], v.Types[4] = "unused", 5
	got, err := build(t, v).Prompt("a\x04b\x04")
	require.NoError(t, err)
	assert.Equal(t, 2, got.LeftOut)
	assert.Contains(t, render(v, got.Tokens), "\nab‹<|im_end|>›")
}
