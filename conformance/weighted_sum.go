package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildWeightedSum sums V rows by any probabilities. What the partials hold before
// counts where a part begins in the middle of a split.
func buildWeightedSum(c Case) (*program, error) {
	s, err := c.sequenceOf()
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.add(p)
	scores := p.input("probabilities", c.probabilities())
	s.addWeightedSums(p, s.parts(p), scores, p.change("partials", c.partials()))
	return p, nil
}

// addWeightedSums adds the partial outputs of parts, in order, to a program.
func (s *sequence) addWeightedSums(p *program, parts []part, scores, partials int) {
	for _, of := range parts {
		s.addWeightedSum(p, of, scores, partials)
	}
}

func (s *sequence) addWeightedSum(p *program, of part, scores, partials int) {
	a := s.params.Attention
	push := shaders.WeightedSumPush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), Stride: uint32(a.stride()),
		PageTokens: uint32(a.PageTokens), GroupsPerToken: uint32(s.params.GroupsPerToken), RowFirst: s.rowFirst(),
		RingTokens: uint32(a.Slots), RingStride: uint32(s.ringStride), RingFirst: s.ringFirst(),
	}
	begin := max(of.first, a.Base)
	splits := (of.end+shaders.SplitTokens-1)/shaders.SplitTokens - begin/shaders.SplitTokens
	rows, spec := s.read(of, 1, shaders.WeightedSum)
	p.run(shaders.WeightedSum, spec, push.Bytes(), s.params.sumWorkgroups(spec, splits),
		rows, of.frame, scores, partials)
}

// sumWorkgroups are those of weighted_sum and weighted_sum_calibrated for all heads, tiles
// and blocks of so many splits.
func (p Params) sumWorkgroups(spec []uint32, splits int) int {
	a := p.Attention
	return int(shaders.SumWorkgroups(shaders.Pipeline{Spec: shaders.ParseSpec(spec)}, a.tiles()*a.heads()*splits*shaders.Blocks(p.HeadDim)))
}
