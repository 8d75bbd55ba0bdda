package conformance

import "slices"

// buildSplittingCalibrated checks on the device that the bits of attention over records
// depend on no size of tile, workgroup, part or dispatch, and on no other query: each
// variant of the case must give the case's output rows.
func buildSplittingCalibrated(c Case) (*program, error) {
	s, err := c.recordSequenceOf()
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.add(p)
	s.in.rows = p.input("query.rows", c.queryRows())
	out, n := s.addAttend(p, 0), c.Params.Attention.Queries
	for _, v := range c.Params.variants() {
		other := *s
		other.params = v.params
		p.equal = append(p.equal, equality{v.what, other.addAttend(p, 0), out, rowPad, rowPad, n * c.Params.outQuery()})
	}
	for _, i := range slices.Compact([]int{0, n / 2, n - 1}) {
		other, a := *s, *s.params.Attention
		a.Tokens += i + 1 - n
		a.Queries = 1
		other.params.Attention = &a
		row := s.params.outQuery()
		p.equal = append(p.equal, equality{"query alone", other.addAttend(p, i), out, rowPad, rowPad + i*row, row})
	}
	return p, nil
}
