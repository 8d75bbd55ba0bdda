package eval

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/qaqvk/qaqvk/internal/model"
)

// Corpus is a text to read.
type Corpus struct {
	Name     string
	Contexts [][]int // tokens, each of a fresh cache
	part     string  // its name in the journal
}

// NewCorpus cuts a text into contexts of so many tokens, as many as fit into most
// tokens. Errors wrap ErrText.
func NewCorpus(m *model.Model, name, text string, context, most int) (*Corpus, error) {
	tokens, err := m.Tokenizer.Encode(text, false)
	if err != nil {
		return nil, fmt.Errorf("eval: %s: %w", name, err)
	}
	list, err := contexts(m, tokens, context, most)
	if err != nil {
		return nil, fmt.Errorf("eval: %s: %w", name, err)
	}
	h := sha256.New()
	for _, token := range tokens {
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(token)))
	}
	return &Corpus{name, list, fmt.Sprintf("text %s context %d", hex.EncodeToString(h.Sum(nil)[:8]), context)}, nil
}

// Tokens are those of all contexts.
func (c *Corpus) Tokens() (n int) {
	for _, tokens := range c.Contexts {
		n += len(tokens)
	}
	return n
}

// together are the most methods that read a context in lock-step: the memory of
// so many caches is taken at once.
const together = 6

// corpusRun reads a corpus with methods.
type corpusRun struct {
	*run
	corpus *Corpus
}

// read returns the passages of every method, by its place, and those of f16.
func (r *run) read(ctx context.Context, c *Corpus) (passages map[string][]Passage, err error) {
	all := &corpusRun{run: r, corpus: c}
	passages = map[string][]Passage{}
	for i := range c.Contexts {
		kept := all.kept(i)
		if err := all.groups(ctx, i, r.missing(kept), kept); err != nil {
			return nil, err
		}
		for name, p := range kept {
			passages[name] = append(passages[name], p)
		}
	}
	return passages, nil
}

// kept are the passages of a context that an earlier run left.
func (r *corpusRun) kept(i int) map[string]Passage {
	kept := map[string]Passage{}
	for _, name := range r.names() {
		var p Passage
		if r.logits == nil && r.journal.get(entryKey{r.corpus.part, name, i}, &p) {
			kept[name] = p
			r.done += len(r.corpus.Contexts[i])
		}
	}
	return kept
}

// missing are the methods that have no passage yet, in groups that go together.
func (r *run) missing(kept map[string]Passage) (groups [][]Method) {
	var list []Method
	for _, m := range r.methods {
		if _, ok := kept[m.Name()]; !ok && m.Name() != f16 {
			list = append(list, m)
		}
	}
	n := (len(list) + together - 1) / together
	if _, ok := kept[f16]; !ok && n == 0 {
		return [][]Method{nil}
	}
	for i := range n {
		groups = append(groups, list[len(list)*i/n:len(list)*(i+1)/n])
	}
	return groups
}

// groups reads a context with one group of methods after the other, with f16 once.
func (r *corpusRun) groups(ctx context.Context, i int, groups [][]Method, kept map[string]Passage) error {
	var plain *plainRows
	if len(groups) > 1 {
		plain = &plainRows{}
	}
	for _, g := range groups {
		if err := r.context(ctx, i, g, kept, plain); err != nil {
			return err
		}
	}
	return nil
}

// context reads a context with some methods, and with f16 unless plain has it.
func (r *corpusRun) context(ctx context.Context, i int, methods []Method, kept map[string]Passage, plain *plainRows) (err error) {
	tokens := r.corpus.Contexts[i]
	_, known := kept[f16]
	at := &reading{bench: r.bench, tokens: tokens, logits: r.logits, plain: plain, done: func(n int) {
		r.advance("reading "+r.corpus.Name, n*len(methods))
		if !known {
			r.advance("reading "+r.corpus.Name, n)
		}
	}}
	list := append([]Method{coded{f16}}, methods...)
	if plain != nil && len(plain.steps) > 0 {
		list = methods
	}
	texts, closeAll, err := r.open(ctx, list, len(tokens))
	defer closeAll()
	if err != nil {
		return err
	}
	at.f16 = &reader{}
	if len(texts) > len(methods) {
		at.f16.text, texts = texts[0], texts[1:]
	}
	for _, t := range texts {
		at.others = append(at.others, &reader{text: t})
	}
	if err := at.run(ctx); err != nil {
		return err
	}
	if !known {
		if err := r.keep(f16, i, at.f16.passage, kept); err != nil {
			return err
		}
	}
	for k, m := range methods {
		if err := r.keep(m.Name(), i, at.others[k].passage, kept); err != nil {
			return err
		}
	}
	return nil
}

func (r *corpusRun) keep(method string, i int, p Passage, kept map[string]Passage) error {
	kept[method] = p
	return r.journal.put(entryKey{r.corpus.part, method, i}, p)
}
