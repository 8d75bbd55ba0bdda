package tokenizer

// endTexts are the tokens that end a text or a turn in the model families in
// use, by their texts: files name one of them as their end, and models write
// others.
var endTexts = set(
	"<|im_end|>", "<|endoftext|>", // ChatML, GPT-2
	"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|eot|>", "<|eom|>", // Llama 3 and 4
	"</s>", "[EOS]", // Llama 2, Mistral
	"<end_of_turn>", "<eos>", // Gemma
	"<|end|>", "<|end_of_turn|>", "<end_of_utterance>", // Phi-3, OpenChat, SmolVLM
	"<|EOT|>", "<EOT>", "_<EOT>", "< EOT >", "[EOT]", "<｜end▁of▁sentence｜>", // code models, DeepSeek
)

// fileEnds end the text of a file where a model completes code. They stay what
// the file says they are: prompts that ask for code to be filled in have them.
var fileEnds = set("<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<fim_pad>", "<file_sep>")

// turnTexts begin or part turns.
var turnTexts = set(
	"<|im_start|>", "<|im_sep|>", "<|start_header_id|>", "<|end_header_id|>", "<start_of_turn>",
	"[INST]", "[/INST]", "<|system|>", "<|user|>", "<|assistant|>",
)

func set(texts ...string) map[string]bool {
	m := make(map[string]bool, len(texts))
	for _, text := range texts {
		m[text] = true
	}
	return m
}

// kinds returns the type of every token. Marks of turns and ends are control
// tokens whatever the file says, so that a user's text cannot forge them; only
// a normal token that merges build is a word like others.
func (v *Vocabulary) kinds() []int {
	kinds := make([]int, len(v.Tokens))
	disguised := map[string]int{}
	for id, text := range v.Tokens {
		kinds[id] = typeNormal
		if len(v.Types) > 0 {
			kinds[id] = v.Types[id]
		}
		if !endTexts[text] && !turnTexts[text] {
			continue
		}
		switch kinds[id] {
		case typeNormal:
			disguised[text] = id
		case typeUser:
			kinds[id] = typeControl
		}
	}
	if len(disguised) > 0 {
		for _, pair := range v.Merges {
			delete(disguised, joined(pair))
		}
	}
	for _, id := range disguised {
		kinds[id] = typeControl
	}
	return kinds
}

// indexEnds collects the tokens that end a text.
func (t *Tokenizer) indexEnds() {
	t.ends = map[int]bool{}
	for _, id := range []int{t.vocab.EOS, t.vocab.EOT, t.vocab.EOM} {
		if id >= 0 {
			t.ends[id] = true
		}
	}
	for text, id := range t.special {
		if endTexts[text] || fileEnds[text] {
			t.ends[id] = true
		}
	}
}

// Ends reports whether the token ends a text or a turn: one that the file names
// for it, or a special token whose text is known for it.
func (t *Tokenizer) Ends(id int) bool { return t.ends[id] }
