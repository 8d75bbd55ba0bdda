package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildArrangeCalibrated brings query rows into the basis of K.
func buildArrangeCalibrated(c Case) (*program, error) {
	return c.buildArranged(func(s *recordSequence, p *program, arrange shaders.ArrangeQueriesPush, rows, queries int) {
		s.addArrangeCalibrated(p, arrange, rows, queries)
	})
}

// buildArranged runs a kernel that arranges query rows.
func (c Case) buildArranged(add func(s *recordSequence, p *program, arrange shaders.ArrangeQueriesPush, rows, queries int)) (*program, error) {
	a := *c.Params.Attention
	a.Parts, a.Slots = nil, 0
	c.Params.Attention = &a
	c.Params.Pages = 0
	s, err := c.recordSequenceOf()
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.add(p)
	push := shaders.ArrangeQueriesPush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), PerHead: uint32(a.PerHead),
		RowHeads: uint32(a.Heads * a.PerHead), Scale: c.Params.scaleOf(),
		RowFirst: uint32(rowPad + a.HeadFirst*a.PerHead*c.Params.layout().RawRowWords()),
	}
	add(s, p, push, p.input("query.rows", c.queryRows()), p.result("queries", s.arrangement().Words()))
	return p, nil
}

func (s *recordSequence) addArrangeCalibrated(p *program, q shaders.ArrangeQueriesPush, rows, queries int) {
	a, of := s.params.Attention, s.params.Calibrated
	push := shaders.ArrangeCalibratedPush{Vectors: q.Vectors, Heads: q.Heads, PerHead: q.PerHead, RowHeads: q.RowHeads,
		RowFirst: q.RowFirst, Scale: q.Scale, HeadFirst: uint32(a.HeadFirst),
		StretchFirst: uint32(a.stretchFirst()), Stretches: uint32(a.stretches()), Rotary: uint32(of.Rotary), Interleaved: of.interleaved()}
	spec := s.params.spec(shaders.ArrangeCalibrated, 0)
	pipeline := shaders.Pipeline{Kernel: shaders.ArrangeCalibrated, Spec: shaders.ParseSpec(spec)}
	p.run(shaders.ArrangeCalibrated, spec, push.Bytes(), int(shaders.ArrangeWorkgroups(pipeline, a.heads(), a.tiles(), a.stretches())),
		rows, s.both, p.input("rotations.stretches", s.params.rotations(a.stretchFirst()+a.stretches())), queries)
}
