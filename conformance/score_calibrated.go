package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildScoreCalibrated scores query rows, which the reference arranged, with all parts
// of records.
func buildScoreCalibrated(c Case) (*program, error) {
	s, err := c.recordSequenceOf()
	if err != nil {
		return nil, err
	}
	arranged, err := c.arrangedByReference(s)
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.add(p)
	queries, scores := p.input("queries", arranged), p.result("scores", c.Params.Attention.scoresWords())
	s.addScores(p, s.parts(p), queries, scores)
	return p, nil
}

// addScores adds the scoring of parts: records, and the ring.
func (s *recordSequence) addScores(p *program, parts []part, queries, scores int) {
	for _, of := range parts {
		if of.ring {
			s.addScore(p, of, queries, scores)
		} else {
			s.addScoreCalibrated(p, of, queries, scores)
		}
	}
}

func (s *recordSequence) addScoreCalibrated(p *program, of part, queries, scores int) {
	a := s.params.Attention
	push := shaders.ScoreCalibratedPush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), HeadFirst: uint32(a.HeadFirst), Stride: uint32(a.stride()),
		PageTokens: uint32(a.PageTokens), StretchFirst: uint32(a.stretchFirst()), Stretches: uint32(a.stretches()),
		MeanFirst: uint32(a.meanFirst()), MeanPages: uint32(a.meanPages()), Cap: a.Cap,
	}
	if a.Cap > 0 {
		push.InverseCap = 1 / a.Cap
	}
	spec := s.params.spec(shaders.ScoreCalibrated, 0)
	p.run(shaders.ScoreCalibrated, spec, push.Bytes(), s.params.scoreWorkgroups(shaders.ScoreCalibrated, spec, of),
		s.in.pages, of.frame, queries, scores)
}
