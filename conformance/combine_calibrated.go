package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildCombineCalibrated sums any partials. Tokens up to the end of the last part have
// coded ones.
func buildCombineCalibrated(c Case) (*program, error) {
	a := *c.Params.Attention
	parts := a.Parts
	a.Parts = nil
	c.Params.Attention = &a
	c.Params.Pages = 0
	s, err := c.recordSequenceOf()
	if err != nil {
		return nil, err
	}
	frame := shaders.Frame{Tokens: uint32(a.Tokens), Base: uint32(a.Base), End: uint32(parts[len(parts)-1])}.AppendTo(nil)
	p := &program{}
	s.values = p.input("tables", s.tables[shaders.Value].Words())
	s.addCombineCalibrated(p, p.input("frame", frame), p.input("partials", c.recordPartials()), p.result("rows", c.Params.outWords()))
	return p, nil
}

// addCombineCalibrated adds the sums of partials to a program.
func (s *recordSequence) addCombineCalibrated(p *program, frame, partials, out int) {
	a := s.params.Attention
	push := shaders.CombineCalibratedPush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), HeadFirst: uint32(a.HeadFirst), PerHead: uint32(a.PerHead),
		RowHeads: uint32(a.Heads * a.PerHead), RowFirst: uint32(rowPad + a.HeadFirst*a.PerHead*s.params.outRow()), Splits: uint32(a.splits()),
	}
	spec := s.params.spec(shaders.CombineCalibrated, 0)
	pipeline := shaders.Pipeline{Kernel: shaders.CombineCalibrated, Spec: shaders.ParseSpec(spec)}
	p.run(shaders.CombineCalibrated, spec, push.Bytes(),
		int(shaders.CombineWorkgroups(pipeline, a.heads(), a.vectors())), frame, partials, s.values, out)
}
