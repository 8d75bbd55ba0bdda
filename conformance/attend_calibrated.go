package conformance

import "fmt"

// buildAttendCalibrated runs all of attention over records and the ring: queries in,
// output rows out.
func buildAttendCalibrated(c Case) (*program, error) {
	if a := c.Params.Attention; a.First > a.Base {
		return nil, fmt.Errorf("tokens from %d stored, scores from %d: must all be stored", a.First, a.Base)
	}
	s, err := c.recordSequenceOf()
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.add(p)
	s.in.rows = p.input("query.rows", c.queryRows())
	s.addAttend(p, 0)
	return p, nil
}

// addAttend adds the attention of the case's queries, whose rows are number from and
// on, as many KV heads at a time as a dispatch has, and returns the buffer of output
// rows.
func (s *recordSequence) addAttend(p *program, from int) int {
	out, parts := p.result("rows", s.params.outWords()), s.parts(p)
	all := *s.params.Attention
	for h := all.HeadFirst; h < all.Heads; h += all.heads() {
		some, a := *s, all
		a.HeadFirst, a.HeadCount = h, min(all.heads(), all.Heads-h)
		some.params.Attention = &a
		some.addHeads(p, parts, from, out)
	}
	return out
}

// addHeads adds the attention of one dispatch's KV heads.
func (s *recordSequence) addHeads(p *program, parts []part, from, out int) {
	to := s.newScratch(p, nil, nil)
	s.addArranged(p, s.in.rows, from, to)
	s.addScores(p, parts, to.queries, to.scores)
	s.params.addSoftmax(p, parts[0].frame, to.scores)
	partials := p.result("partials", s.params.recordPartialsWords())
	s.addWeightedSums(p, parts, to, partials)
	paged := parts[0]
	for _, of := range parts {
		if !of.ring {
			paged = of
		}
	}
	s.addCombineCalibrated(p, paged.frame, partials, out)
}
