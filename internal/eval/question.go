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

// encodeAll makes tokens of all questions and of the shots that they follow, which are
// no part of their prefixes.
func (r *run) encodeAll(t *Tasks) (shots []int, list []encoded, err error) {
	if shots, err = r.textTokens(t.Shots); err != nil {
		return nil, nil, err
	}
	for _, q := range t.Questions {
		q.Context = t.Shots + q.Context
		e, err := r.encode(q)
		if err != nil {
			return nil, nil, fmt.Errorf("eval: %s, line %d: %w", t.Name, q.Line, err)
		}
		list = append(list, e)
		shots = shots[:common(shots, e.prefix[:len(e.prefix)-1])]
	}
	if t.Shots == "" {
		return nil, list, nil
	}
	for i := range list {
		list[i].prefix = list[i].prefix[len(shots):]
	}
	return shots, list, nil
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
