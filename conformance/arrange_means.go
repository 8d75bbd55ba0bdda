package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildArrangeMeans multiplies query rows with the means of pages.
func buildArrangeMeans(c Case) (*program, error) {
	return c.buildArranged(func(s *recordSequence, p *program, arrange shaders.ArrangeQueriesPush, rows, queries int) {
		s.addArrangeMeans(p, arrange, rows, queries)
	})
}

func (s *recordSequence) addArrangeMeans(p *program, q shaders.ArrangeQueriesPush, rows, queries int) {
	a, of := s.params.Attention, s.params.Calibrated
	push := shaders.ArrangeMeansPush{Vectors: q.Vectors, Heads: q.Heads, PerHead: q.PerHead, RowHeads: q.RowHeads,
		RowFirst: q.RowFirst, Scale: q.Scale, HeadFirst: uint32(a.HeadFirst), PageFirst: uint32(a.meanFirst()), Pages: uint32(a.meanPages()), Stretches: uint32(a.stretches()),
		Rotary: uint32(of.Rotary), Interleaved: of.interleaved()}
	spec := s.params.spec(shaders.ArrangeMeans, 0)
	pipeline := shaders.Pipeline{Kernel: shaders.ArrangeMeans, Spec: shaders.ParseSpec(spec)}
	p.run(shaders.ArrangeMeans, spec, push.Bytes(), int(shaders.MeansWorkgroups(pipeline, a.heads(), a.tiles(), a.meanPages())),
		rows, s.both, p.input("rotations", s.params.rotations(a.meanFirst()+a.meanPages())), queries)
}
