package backend

import (
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// remembered is what a Weigher gave and keeps for the groups of a unit.
type remembered struct {
	when    decision
	weights [][]float32 // [group of a token][token]
	state   [][]uint32  // the same
}

// decision is a moment: what it weighs does not change before the next one.
type decision struct{ holds, tokens, queries int }

// given are the weights of pages by the policy.
func (j *judge) given(l *device.List, pages []pageID) []uint32 {
	g := &j.s.c.geo
	words := make([]uint32, 0, len(pages)*g.pageGroups)
	for _, p := range pages {
		r, err := j.ask(p.unit)
		if err != nil {
			l.Fail(err)
			return make([]uint32, cap(words))
		}
		for n := range g.pageGroups {
			words = append(words, wordOf(r.weights[n%g.tokenGroups][g.tokenOf(p, n)]))
		}
	}
	return words
}

// ready asks the policy for the units of pages, where it gives weights itself.
func (j *judge) ready(pages []pageID) error {
	if j.s.c.rules[j.kind].Weight != policy.WeightCustom {
		return nil
	}
	for _, p := range pages {
		if _, err := j.ask(p.unit); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the policy for the weights of a unit, once a decision.
func (j *judge) ask(unit int) (*remembered, error) {
	s, g := j.s, &j.s.c.geo
	layer, layers := g.unitLayers(unit)
	when := decision{j.holds, j.tokens, 0}
	for _, q := range s.importance.queries[layer:layers] {
		when.queries += q
	}
	r := &s.remembered[j.kind][unit]
	if r.when == when {
		return r, nil
	}
	importance, err := s.importanceOf(unit, j.tokens)
	if err != nil {
		return nil, err
	}
	r.grow(g.tokenGroups, j.tokens)
	for group := range g.tokenGroups {
		w := policy.Weighing{Kind: j.kind, Layer: layer, Tokens: j.holds, Weights: make([]float32, j.tokens), State: r.state[group]}
		w.Head, _ = g.groupHeads(group)
		for t := range w.Weights {
			w.Weights[t] = importance[t*g.tokenGroups+group]
		}
		s.c.weigher.Weigh(&w)
		for t := range w.Weights {
			r.weights[group][t] = weight32(w.Weights[t])
		}
	}
	r.when = when
	return r, nil
}

// grow makes room for tokens; their state is 0.
func (r *remembered) grow(groups, tokens int) {
	if r.state == nil {
		r.state, r.weights = make([][]uint32, groups), make([][]float32, groups)
	}
	for i := range r.state {
		r.state[i] = append(r.state[i], make([]uint32, max(0, tokens-len(r.state[i])))...)[:tokens]
		r.weights[i] = slices.Grow(r.weights[i][:0], tokens)[:tokens]
	}
}

// importanceOf brings the importance of the groups of a unit to the host,
// [token][group of a token], -1 where too few queries saw the token.
func (s *Sequence) importanceOf(unit, tokens int) ([]float32, error) {
	c, g := s.c, &s.c.geo
	most := min(c.out.Len()/g.pageGroups, c.plan.Len()/shaders.WeightJobWords)
	out := make([]float32, 0, tokens*g.tokenGroups)
	for chunk, end := 0, tokens/g.pageTokens; chunk < end; {
		var pages []pageID
		for ; chunk < end && len(pages) < most; chunk++ {
			pages = append(pages, pageID{unit: unit, chunk: chunk})
		}
		words := len(pages) * g.pageGroups
		err := c.run("weigh", func(l *device.List) {
			s.recordWeigh(l, pages, c.newPlanner().add(s.appendWeightJobs(nil, pages)), 0, device.View{Buffer: c.out, Words: words}, false)
			l.Mark("reduce_importance")
		})
		if err != nil {
			return nil, err
		}
		for _, w := range c.out.Words()[:words] {
			out = append(out, math.Float32frombits(w))
		}
	}
	return out, nil
}

// clone is a copy that goes its own way.
func (r *remembered) clone() remembered {
	n := remembered{r.when, slices.Clone(r.weights), slices.Clone(r.state)}
	for i := range n.state {
		n.weights[i], n.state[i] = slices.Clone(n.weights[i]), slices.Clone(n.state[i])
	}
	return n
}

// truncate forgets the tokens from the given one on.
func (r *remembered) truncate(tokens int) {
	r.when = decision{}
	for i := range r.state {
		r.state[i] = r.state[i][:min(tokens, len(r.state[i]))]
	}
}

// bytes are the host bytes of what is remembered.
func (r *remembered) bytes() (n int64) {
	for i := range r.state {
		n += 4 * int64(cap(r.state[i])+cap(r.weights[i]))
	}
	return n
}
