package eval

import "fmt"

// encoded is a question in tokens: what its endings have in common, and the rest
// of each.
type encoded struct {
	prefix  []int
	endings [][]int
}

// encode makes the tokens of context and ending together, so that the ending is
// cut as it would be in a text.
func (r *run) encode(q Question) (e encoded, err error) {
	m := r.bench.Model
	if e.prefix, err = r.textTokens(q.Context); err != nil {
		return e, err
	}
	for _, ending := range q.Endings {
		all, err := r.textTokens(q.Context + " " + ending)
		if err != nil {
			return e, err
		}
		e.endings = append(e.endings, all)
		e.prefix = e.prefix[:common(e.prefix, all)]
	}
	for i, all := range e.endings {
		e.endings[i] = all[len(e.prefix):]
		switch n := len(e.endings[i]); {
		case len(e.prefix) == 0 || n == 0 || n > maxAnswer:
			return e, fmt.Errorf("%d tokens of the context and %d of ending %d: must be at least 1, and at most %d of an ending", len(e.prefix), n, i, maxAnswer)
		case len(all) > m.Context:
			return e, fmt.Errorf("%d tokens with ending %d: the model's context is %d", len(all), i, m.Context)
		}
	}
	return e, nil
}

// textTokens are those of a text, with what begins one.
func (r *run) textTokens(text string) ([]int, error) {
	tokens, err := r.bench.Model.Tokenizer.Encode(text, false)
	return append(r.bench.Model.Tokenizer.Begin(), tokens...), err
}

// common are the first tokens that are the same.
func common(a, b []int) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// longest are the most tokens of the question with an ending.
func (e encoded) longest() (n int) {
	for _, t := range e.endings {
		n = max(n, len(e.prefix)+len(t))
	}
	return n
}

// tokens are those that are read of the question and of its endings.
func (e encoded) tokens() int {
	n := len(e.prefix)
	for _, t := range e.endings {
		n += len(t)
	}
	return n
}
