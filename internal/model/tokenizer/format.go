package tokenizer

import (
	"regexp"
	"strings"
)

// Names of the chat formats.
const (
	chatML  = "ChatML"
	phi4    = "Phi-4"
	llama2  = "Llama 2"
	mistral = "Mistral"
	phi3    = "Phi-3"
	gemma   = "Gemma"
	llama3  = "Llama 3"
)

var formatNames = []string{chatML, phi4, llama2, mistral, phi3, gemma, llama3}

// format is how a chat template writes a conversation of one user's turn.
type format struct {
	name          string
	before, after string   // the user's text
	trim          bool     // white space around the user's text goes
	marks         []string // special tokens that it cannot do without
}

// frame returns the prompt's text; only the frame may hold control tokens.
func (f format) frame(text string) []part {
	if f.trim {
		text = strings.TrimSpace(text)
	}
	return []part{{f.before, true}, {text, false}, {f.after, true}}
}

// recognise tells the format by the marks of turns in the template, as runtimes
// do that run no Jinja: a template is a program, and neither its time nor its
// depth nor what it reads can be bounded in a Go library for them.
func recognise(template string) (format, bool) {
	has := func(marks ...string) bool {
		for _, m := range marks {
			if !strings.Contains(template, m) {
				return false
			}
		}
		return true
	}
	switch {
	case has("<|im_start|>", "<|im_sep|>"):
		return phi4Format(), true
	case has("<|im_start|>"):
		return chatMLFormat(template), true
	case has("[INST]"):
		return instructFormat(template), true
	case has("<|assistant|>", "<|end|>"):
		return phi3Format(template), true
	case has("<start_of_turn>"):
		return gemmaFormat(), true
	case has("<|start_header_id|>", "<|end_header_id|>"):
		return llama3Format(template), true
	}
	return format{}, false
}

// chatMLSystem finds the system turn that a ChatML template adds by itself;
// the newline is a character or the two characters \n, as the template has it.
var chatMLSystem = regexp.MustCompile(`<\|im_start\|>system(?:\n|\\n)([^{}'"|<]+)<\|im_end\|>`)

func chatMLFormat(template string) format {
	f := format{
		name: chatML, marks: []string{"<|im_start|>", "<|im_end|>"},
		before: "<|im_start|>user\n", after: "<|im_end|>\n<|im_start|>assistant\n",
	}
	if m := chatMLSystem.FindStringSubmatch(template); m != nil {
		f.before = "<|im_start|>system\n" + m[1] + "<|im_end|>\n" + f.before
	}
	return f
}

func phi4Format() format {
	return format{
		name: phi4, marks: []string{"<|im_start|>", "<|im_sep|>", "<|im_end|>"},
		before: "<|im_start|>user<|im_sep|>", after: "<|im_end|><|im_start|>assistant<|im_sep|>",
	}
}

// stripped finds that the user's text is used without white space around it.
var stripped = regexp.MustCompile(`content(?:['"]\])?\.strip\(\)`)

// instructFormat is that of Llama 2 and Mistral, whose versions differ in the
// spaces beside the marks. Marks that are no tokens are text, as in Llama 2.
func instructFormat(template string) format {
	f := format{name: mistral, before: "[INST]", after: "[/INST]", trim: stripped.MatchString(template)}
	if strings.Contains(template, "<<SYS>>") {
		f.name = llama2
	}
	if strings.Contains(template, `' [INST]`) || strings.Contains(template, `" [INST]`) {
		f.before = " " + f.before
	}
	if strings.Contains(template, "[INST] ") {
		f.before += " "
	}
	if strings.Contains(template, " [/INST]") {
		f.after = " " + f.after
	}
	return f
}

// unbroken finds an assistant's mark that no newline follows, as in Phi-4-mini.
var unbroken = regexp.MustCompile(`<\|assistant\|>['"]\s*-?\}\}`)

func phi3Format(template string) format {
	f := format{
		name: phi3, marks: []string{"<|user|>", "<|end|>", "<|assistant|>"},
		before: "<|user|>\n", after: "<|end|>\n<|assistant|>\n",
	}
	if unbroken.MatchString(template) {
		f.before, f.after = "<|user|>", "<|end|><|assistant|>"
	}
	return f
}

func gemmaFormat() format {
	return format{
		name: gemma, trim: true, marks: []string{"<start_of_turn>", "<end_of_turn>"},
		before: "<start_of_turn>user\n", after: "<end_of_turn>\n<start_of_turn>model\n",
	}
}

// Llama 3.1 and later open with a system turn of two dates; the second is the
// one that the template has for runtimes without a clock.
var (
	knowledgeDate = regexp.MustCompile(`"(Cutting Knowledge Date: [^"\\\n]+)(?:\n|\\n)"`)
	todayDate     = regexp.MustCompile(`date_string = "([^"\\\n]+)"`)
)

func llama3Format(template string) format {
	f := format{
		name: llama3, trim: true, marks: []string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
		before: "<|start_header_id|>user<|end_header_id|>\n\n",
		after:  "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
	}
	know, today := knowledgeDate.FindStringSubmatch(template), todayDate.FindStringSubmatch(template)
	if know != nil && today != nil {
		f.before = "<|start_header_id|>system<|end_header_id|>\n\n" + know[1] + "\nToday Date: " + today[1] + "\n\n<|eot_id|>" + f.before
	}
	return f
}
