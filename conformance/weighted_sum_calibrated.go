package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildWeightedSumCalibrated sums V records by any probabilities. What the partials
// hold before counts where a part begins in the middle of a split.
func buildWeightedSumCalibrated(c Case) (*program, error) {
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
	from := s.newScratch(p, arranged, c.probabilities())
	s.addWeightedSums(p, s.parts(p), from, p.change("partials", c.recordPartials()))
	return p, nil
}

// addWeightedSums adds the partial outputs of parts, in order: records, and the ring,
// which has the raw partials alone.
func (s *recordSequence) addWeightedSums(p *program, parts []part, from scratch, partials int) {
	for _, of := range parts {
		if of.ring {
			s.addWeightedSum(p, of, from.scores, partials)
		} else {
			s.addWeightedSumCalibrated(p, of, from, partials)
		}
	}
}

func (s *recordSequence) addWeightedSumCalibrated(p *program, of part, from scratch, partials int) {
	a := s.params.Attention
	push := shaders.WeightedSumCalibratedPush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), HeadFirst: uint32(a.HeadFirst), Stride: uint32(a.stride()),
		PageTokens: uint32(a.PageTokens), ScoresAt: uint32(from.scoresAt), Splits: uint32(a.splits()),
	}
	begin := max(of.first, a.Base)
	splits := (of.end+shaders.SplitTokens-1)/shaders.SplitTokens - begin/shaders.SplitTokens
	spec := s.params.spec(shaders.WeightedSumCalibrated, 0)
	p.run(shaders.WeightedSumCalibrated, spec, push.Bytes(), s.params.sumWorkgroups(spec, splits),
		s.in.pages, of.frame, from.all, partials)
}

// recordPartialsWords are the words of the partials of a case.
func (p Params) recordPartialsWords() int {
	a := p.Attention
	return shaders.RecordPartialsWords(p.HeadDim, a.splits(), a.heads()*a.vectors())
}

// recordPartials are zeros and numbers of 2^-62 to 2^20 in magnitude; masses too.
func (c Case) recordPartials() []uint32 {
	rng := c.rng(9)
	words := make([]uint32, c.Params.recordPartialsWords())
	for i := range words {
		r := rng.Uint32()
		exponent := uint32(127 - 8 + r>>3%16)
		switch r % 8 {
		case 0:
			continue
		case 1:
			exponent = uint32(127 - 62 + rng.IntN(82))
		}
		words[i] = rng.Uint32()&0x807fffff | exponent<<23
	}
	return words
}
