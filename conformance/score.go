package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildScore scores query rows, which the reference arranged, with all parts.
func buildScore(c Case) (*program, error) {
	s, err := c.sequenceOf()
	if err != nil {
		return nil, err
	}
	arranged := &program{}
	queries := c.Params.addArrangeQueries(arranged, arranged.input("rows", c.queryRows()), 0)
	words, err := arranged.reference()
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.add(p)
	queries = p.input("queries", words[queries])
	s.addScores(p, s.parts(p), queries)
	return p, nil
}

// addScores adds the scoring of parts to a program and returns the buffer.
func (s *sequence) addScores(p *program, parts []part, queries int) int {
	scores := p.result("scores", s.params.Attention.scoresWords())
	for _, of := range parts {
		s.addScore(p, of, queries, scores)
	}
	return scores
}

func (s *sequence) addScore(p *program, of part, queries, scores int) {
	a := s.params.Attention
	push := shaders.ScorePush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), Stride: uint32(a.stride()),
		PageTokens: uint32(a.PageTokens), GroupsPerToken: uint32(s.params.GroupsPerToken), RowFirst: s.rowFirst(),
		RingTokens: uint32(a.Slots), RingStride: uint32(s.ringStride), RingFirst: s.ringFirst(), Cap: a.Cap,
	}
	if a.Cap > 0 {
		push.InverseCap = 1 / a.Cap
	}
	rows, spec := s.read(of, 0, shaders.Score)
	p.run(shaders.Score, spec, push.Bytes(), s.params.scoreWorkgroups(shaders.Score, spec, of), rows, of.frame, queries, scores)
}

// scoreWorkgroups are those of a kernel that scores a part.
func (p Params) scoreWorkgroups(k *shaders.Kernel, spec []uint32, of part) int {
	a, w := p.Attention, int(p.Workgroup)
	runs := (of.end+w-1)/w - max(of.first, a.Base)/w
	return int(shaders.ScoreWorkgroups(shaders.Pipeline{Kernel: k, Spec: shaders.ParseSpec(spec)}, a.heads(), a.tiles(), runs))
}

// rowFirst is the row of the first KV head in its group, or its group in the
// token.
func (s *sequence) rowFirst() uint32 { return uint32(s.params.RowFirst + s.params.Attention.HeadFirst) }

// ringFirst is the words before the first KV head's row of a token in the ring.
func (s *sequence) ringFirst() uint32 {
	return ringAt + s.rowFirst()*uint32(s.params.layout().RawRowWords())
}
