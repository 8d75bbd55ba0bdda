package eval

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Needle hides facts in texts and asks for each of them.
type Needle struct {
	texts []needleText
	part  string
}

// needleText is a context of a corpus with facts of one form, of which each question
// asks for one: the others are what it can be mistaken for.
type needleText struct {
	tokens []int
	facts  []fact // by depth
}

// fact is a number that a place has.
type fact struct {
	depth            float64 // where it begins, 0: first, 1: last
	question, answer []int   // tokens
}

// found is what a method made of a fact.
type found struct {
	LogP float64 `json:"log_p"` // of the answer behind the question, nats
	Hit  bool    `json:"hit"`   // every token of the answer is the likeliest
}

// Depth counts the facts found that were hidden at a depth of the text.
type Depth struct {
	Depth     float64 `json:"depth"` // 0: at the start, 1: at the end
	N         int     `json:"n"`
	Found     int     `json:"found"`
	LogP      float64 `json:"log_p"`       // mean of their answers, nats
	LogPDelta float64 `json:"log_p_delta"` // less that of f16
}

// places have a number each: as many facts are hidden in a text.
var places = [...]string{"lighthouse", "harbour", "library", "mountain", "bakery", "castle", "garden", "station", "museum", "bridge"}

// NewNeedle hides facts in the contexts of a corpus.
func (c *Corpus) NewNeedle(b *Bench) (*Needle, error) {
	n := &Needle{part: "needle " + c.part}
	random := rand.New(rand.NewPCG(7, 7))
	for i, hay := range c.Contexts {
		t, err := hide(b, hay, i, random)
		if err != nil {
			return nil, err
		}
		n.texts = append(n.texts, t)
	}
	return n, nil
}

// hide puts a fact of every place into a text, evenly spread, in as many tokens as
// the text has with the longest question and its answer; turn is the place that
// comes first.
func hide(b *Bench, hay []int, turn int, random *rand.Rand) (t needleText, err error) {
	encode := func(text string) (tokens []int) {
		if err == nil {
			tokens, err = b.Model.Tokenizer.Encode(text, false)
		}
		return tokens
	}
	var facts [len(places)][]int
	room, most := len(hay), 0
	for i := range places {
		place, number := places[(i+turn)%len(places)], fmt.Sprint(1000+random.IntN(9000))
		facts[i] = encode("\n The magic number of the " + place + " is " + number + ". Remember it. \n")
		f := fact{depth: float64(i) / float64(len(places)-1),
			question: encode("\n Question: what is the magic number of the " + place + "? Answer: the magic number of the " + place + " is"), answer: encode(" " + number)}
		t.facts = append(t.facts, f)
		room, most = room-len(facts[i]), max(most, len(f.question)+len(f.answer))
	}
	room -= most
	if err != nil || room < len(places) {
		return t, fmt.Errorf("eval: needle: context of %d tokens: must be at least %d, to hold %d facts and a question: %w",
			len(hay), len(hay)-room+len(places), len(places), ErrText)
	}
	at := 0
	for i, f := range t.facts {
		to := max(1, int(f.depth*float64(room))) // BOS stays first
		t.tokens = append(append(t.tokens, hay[at:to]...), facts[i]...)
		at = to
	}
	return t, nil
}

// longest are the tokens of the text with any of its questions and answers.
func (t needleText) longest() (n int) {
	for _, f := range t.facts {
		n = max(n, len(t.tokens)+len(f.question)+len(f.answer))
	}
	return n
}

// size are the tokens that are read of the text, its questions and answers.
func (t needleText) size() int {
	n := len(t.tokens)
	for _, f := range t.facts {
		n += len(f.question) + len(f.answer)
	}
	return n
}

// search has every method look for all facts and fills in the result.
func (r *run) search(ctx context.Context, n *Needle, result *Result) error {
	all := map[string][]found{}
	for i, t := range n.texts {
		for _, m := range r.withReference() {
			key := entryKey{r.part(n.part), m.Name(), i}
			var some []found
			if r.journal.get(key, &some) {
				r.done += t.size()
			} else {
				var err error
				if some, err = r.find(ctx, m, t); err != nil {
					return fmt.Errorf("eval: needle in context %d: method %s: %w", i, m.Name(), err)
				}
				if err := r.journal.put(key, some); err != nil {
					return err
				}
				r.advance("needle", t.size())
			}
			all[m.Name()] = append(all[m.Name()], some...)
		}
	}
	for i := range result.Rows {
		row := &result.Rows[i]
		row.Tasks["needle"] = n.tally(all[row.Method], all[f16])
	}
	return nil
}

// find reads the text once and asks each question from a fork of it.
func (r *run) find(ctx context.Context, m Method, t needleText) ([]found, error) {
	texts, closeAll, err := r.open(ctx, []Method{m}, t.longest())
	defer closeAll()
	if err != nil {
		return nil, err
	}
	if _, err := r.question(ctx, texts[0], t.tokens); err != nil {
		return nil, err
	}
	var list []found
	for _, f := range t.facts {
		asked := slices.Concat(f.question, f.answer)
		logP, hit, err := r.goOn(ctx, texts[0], asked, len(f.question))
		if err != nil {
			return nil, err
		}
		list = append(list, found{logP, hit})
	}
	return list, nil
}

// tally counts what was found, text after text.
func (n *Needle) tally(method, reference []found) Tally {
	var hits, hitDelta, logP, logPDelta []float64
	t := Tally{N: len(method), Depths: make([]Depth, len(places))}
	for i, f := range method {
		before := reference[i]
		d := &t.Depths[i%len(places)]
		d.Depth = n.texts[0].facts[i%len(places)].depth
		d.N, d.Found = d.N+1, d.Found+int(one(f.Hit))
		d.LogP, d.LogPDelta = d.LogP+f.LogP, d.LogPDelta+f.LogP-before.LogP
		hits, hitDelta = append(hits, one(f.Hit)), append(hitDelta, one(f.Hit)-one(before.Hit))
		logP, logPDelta = append(logP, f.LogP), append(logPDelta, f.LogP-before.LogP)
	}
	for i := range t.Depths {
		d := &t.Depths[i]
		d.LogP, d.LogPDelta = d.LogP/float64(d.N), d.LogPDelta/float64(d.N)
	}
	t.Acc, t.AccCI, t.Delta, t.CI = mean(hits), halfWidth(hits), mean(hitDelta), halfWidth(hitDelta)
	t.LogP, t.LogPCI, t.LogPDelta, t.LogPDeltaCI = ptr(mean(logP)), ptr(halfWidth(logP)), ptr(mean(logPDelta)), ptr(halfWidth(logPDelta))
	return t
}

// one is 1 for true.
func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
