package conformance

import "fmt"

// buildAttend runs all of attention: queries in, output rows and importance
// out.
func buildAttend(c Case) (*program, error) {
	if a := c.Params.Attention; a.First > a.Base {
		return nil, fmt.Errorf("tokens from %d stored, scores from %d: must all be stored", a.First, a.Base)
	}
	s, err := c.sequenceOf()
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.add(p)
	s.in.rows = p.input("query.rows", c.queryRows())
	c.addAttend(p, s, 0)
	return p, nil
}

// addAttend adds the attention of the case's queries, whose rows are number
// from and on, as many KV heads at a time as a dispatch has, and returns the
// buffers of output rows and importance.
func (c Case) addAttend(p *program, s *sequence, from int) (out, importance int) {
	c.Params = s.params
	out, importance = p.result("rows", c.Params.outWords()), p.change("importance", c.importance())
	parts := s.parts(p)
	all := *s.params.Attention
	for h := all.HeadFirst; h < all.Heads; h += all.heads() {
		some, a := *s, all
		a.HeadFirst, a.HeadCount = h, min(all.heads(), all.Heads-h)
		some.params.Attention = &a
		some.addHeads(p, parts, from, out, importance)
	}
	return out, importance
}

// addHeads adds the attention of one dispatch's KV heads.
func (s *sequence) addHeads(p *program, parts []part, from, out, importance int) {
	a, frame := s.params.Attention, parts[len(parts)-1].frame
	scores := s.addScores(p, parts, s.params.addArrangeQueries(p, s.in.rows, from))
	s.params.addSoftmax(p, frame, scores)
	s.params.addRecordImportance(p, scores, importance)
	partials := p.result("partials", a.splits()*a.heads()*a.vectors()*s.params.HeadDim)
	s.addWeightedSums(p, parts, scores, partials)
	s.params.addCombine(p, frame, partials, out)
}
