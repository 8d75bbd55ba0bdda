package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

// Prompt is what a model is given for one answer to a user's text.
type Prompt struct {
	Tokens   []int
	Template string // name of the chat format that frames the text, "" where it is bare
	Bare     string // why the bare text is the prompt, "" where it is framed
	LeftOut  int    // bytes that the vocabulary has no token for
}

// Prompt returns the prompt for one answer to text. Where the file's chat
// template is of a known format, that is its default system turn, the user's
// turn and the start of the assistant's, as the template writes them; else the
// bare text. BOS comes first where the file or the template asks for it.
func (t *Tokenizer) Prompt(text string) (Prompt, error) {
	p := Prompt{Template: t.chat.name, Bare: t.bare}
	framed, parts := t.bare == "", []part{{text, false}}
	if framed {
		parts = t.chat.frame(text)
	}
	ids, leftOut, err := t.encode(parts)
	if err != nil {
		return Prompt{}, err
	}
	if t.vocab.BOS >= 0 && (t.vocab.AddBOS || framed && strings.Contains(t.vocab.Template, "bos_token")) {
		ids = slices.Insert(ids, 0, t.vocab.BOS)
	}
	p.Tokens, p.LeftOut = ids, leftOut
	return p, nil
}

// ChatML reports whether prompts are framed as ChatML has it.
func (t *Tokenizer) ChatML() bool { return t.chat.name == chatML }

// format returns the chat format of the file, or why there is none.
func (t *Tokenizer) format() (f format, why string) {
	if t.vocab.Template == "" {
		return format{}, "the file has no chat template"
	}
	f, ok := recognise(t.vocab.Template)
	if !ok {
		return format{}, "the file's chat template is of no known format (" + strings.Join(formatNames, ", ") + ")"
	}
	for _, mark := range f.marks {
		if _, ok := t.special[mark]; !ok {
			return format{}, fmt.Sprintf("the file's chat template is %s, but %s is no special token of its vocabulary", f.name, mark)
		}
	}
	return f, ""
}
