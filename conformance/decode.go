package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildDecode decodes rows RowFirst.. of all groups of pages that the
// reference made.
func buildDecode(c Case) (*program, error) {
	from, err := c.pagesByReference(c.rowsOf())
	if err != nil {
		return nil, err
	}
	p := &program{}
	c.addDecode(p, p.input("pages", from.of), from)
	return p, nil
}

// addDecode adds the decoding of pages to a program and returns the buffer.
func (c Case) addDecode(p *program, buffer int, from pages) int {
	params := c.Params
	count := params.RowCount
	if count == 0 {
		count = params.Rows - params.RowFirst
	}
	row := shaders.Layout{Type: typeOf(params.Out), HeadDim: params.HeadDim}.RawRowWords()
	stride := params.GroupsPerToken*count*row + rowPad
	page := params.tokens()*stride + rowPad
	var plan []uint32
	for j := range params.Pages {
		plan = shaders.DecodeJob{Page: uint32(from.at[j]), Rows: uint32(j*page + rowPad)}.AppendTo(plan)
	}
	push := shaders.DecodePush{
		Groups: uint32(params.total()), GroupsPerJob: uint32(params.Groups),
		GroupsPerToken: uint32(params.GroupsPerToken), TokenStride: uint32(stride),
		RowFirst: uint32(params.RowFirst), RowCount: uint32(count),
	}
	planned, out := p.input("decode.plan", plan), p.result("rows", params.Pages*page)
	p.run(shaders.Decode, params.spec(shaders.Decode, 0), push.Bytes(),
		params.workgroups(params.total()*count, params.Lanes), buffer, planned, out)
	return out
}
