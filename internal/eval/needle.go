package eval

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Needle hides a fact in a text and asks for it.
type Needle struct {
	cases []needleCase
	part  string
}

// needleCase is one text with its fact.
type needleCase struct {
	depth  float64 // where the fact begins, 0: first, 1: last
	tokens []int
	answer string
}

// Depth counts the facts found that were hidden at a depth of the text.
type Depth struct {
	Depth float64 `json:"depth"` // 0: at the start, 1: at the end
	N     int     `json:"n"`
	Found int     `json:"found"`
}

// needleDepths are the places of facts, needleEach the texts for each.
const (
	needleDepths = 5
	needleEach   = 4
	needleTokens = 12 // generated
)

// NewNeedle hides facts in the contexts of a corpus.
func (c *Corpus) NewNeedle(b *Bench) (*Needle, error) {
	n := &Needle{part: "needle " + c.part}
	random := rand.New(rand.NewPCG(7, 7))
	for d := range needleDepths {
		for i := range needleEach {
			depth, number := float64(d)/(needleDepths-1), fmt.Sprint(1000+random.IntN(9000))
			hay := c.Contexts[(d*needleEach+i)%len(c.Contexts)]
			tokens, err := hide(b, hay, depth, number)
			if err != nil {
				return nil, err
			}
			n.cases = append(n.cases, needleCase{depth, tokens, number})
		}
	}
	return n, nil
}

// hide puts the fact into a text and the question behind it, in as many tokens as
// the text has.
func hide(b *Bench, hay []int, depth float64, number string) ([]int, error) {
	fact, err := b.Model.Tokenizer.Encode("\n The magic number of the lighthouse is "+number+". Remember it. \n", false)
	if err != nil {
		return nil, err
	}
	question, err := b.Model.Tokenizer.Encode("\n Question: what is the magic number of the lighthouse? Answer: the magic number of the lighthouse is", false)
	room := len(hay) - len(fact) - len(question) - needleTokens
	if err != nil || room < 1 {
		return nil, fmt.Errorf("eval: needle: context of %d tokens: must hold fact and question: %w", len(hay), ErrText)
	}
	at := max(1, int(depth*float64(room))) // BOS stays first
	tokens := append(append([]int(nil), hay[:at]...), fact...)
	return append(append(tokens, hay[at:room]...), question...), nil
}

// search has every method look for all facts and fills in the result.
func (r *run) search(ctx context.Context, n *Needle, result *Result) error {
	found, done := map[string][]bool{}, 0
	for i, c := range n.cases {
		for _, m := range r.withReference() {
			key := entryKey{r.part(n.part), m.Name(), i}
			var hit bool
			if !r.journal.get(key, &hit) {
				var err error
				if hit, err = r.find(ctx, m, c); err != nil {
					return fmt.Errorf("eval: needle at depth %g: method %s: %w", c.depth, m.Name(), err)
				}
				if err := r.journal.put(key, hit); err != nil {
					return err
				}
			}
			found[m.Name()] = append(found[m.Name()], hit)
			done++
			r.progress("needle", done, len(r.names())*len(n.cases))
		}
	}
	for i := range result.Rows {
		row := &result.Rows[i]
		row.Tasks["needle"] = n.tally(found[row.Method], found[f16])
	}
	return nil
}

// find reads the text and tells whether the answer begins the most likely tokens.
func (r *run) find(ctx context.Context, m Method, c needleCase) (bool, error) {
	texts, closeAll, err := r.open(ctx, []Method{m}, len(c.tokens)+needleTokens)
	defer closeAll()
	if err != nil {
		return false, err
	}
	next, err := r.question(ctx, texts[0], c.tokens)
	if err != nil {
		return false, err
	}
	stream, said := r.bench.Model.Tokenizer.Stream(), ""
	for range needleTokens {
		said += stream.Next(next.Top)
		if strings.Contains(said, c.answer) {
			return true, nil
		}
		if next, err = r.forward(ctx, texts[0], []int{next.Top}); err != nil {
			return false, err
		}
	}
	return false, nil
}

// tally counts what was found.
func (n *Needle) tally(found, reference []bool) Tally {
	var hits, delta []float64
	t := Tally{N: len(n.cases)}
	for i, c := range n.cases {
		if k := len(t.Depths); k == 0 || t.Depths[k-1].Depth != c.depth {
			t.Depths = append(t.Depths, Depth{Depth: c.depth})
		}
		d := &t.Depths[len(t.Depths)-1]
		d.N++
		hit, before := one(found[i]), one(reference[i])
		d.Found += int(hit)
		hits, delta = append(hits, hit), append(delta, hit-before)
	}
	t.Acc, t.AccCI, t.Delta, t.CI = mean(hits), halfWidth(hits), mean(delta), halfWidth(delta)
	return t
}

// one is 1 for true.
func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
