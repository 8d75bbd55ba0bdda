package conformance

import "github.com/qaqvk/qaqvk/shaders"

// convertAt is where converted rows begin in dst.
const convertAt = 4

// buildConvert converts Groups rows, GroupsPerToken to a token.
func buildConvert(c Case) (*program, error) {
	p := c.Params
	p.Rows, p.Pages = 1, 1
	c.Params = p
	rows := c.rowsOf()
	out := shaders.Layout{Type: typeOf(p.Out), HeadDim: p.HeadDim, Rows: 1}.RawRowWords()
	push := shaders.ConvertPush{
		Rows:           uint32(p.Groups),
		RowsPerToken:   uint32(p.GroupsPerToken),
		SrcOffset:      uint32(rows.first[0]),
		SrcTokenStride: uint32(rows.stride),
		DstOffset:      convertAt,
		DstTokenStride: uint32(p.GroupsPerToken*out) + rowPad,
	}
	prog := &program{}
	src := prog.input("src", rows.words)
	dst := prog.result("dst", convertAt+p.tokens()*int(push.DstTokenStride))
	prog.run(shaders.Convert, p.spec(shaders.Convert), push.Bytes(), p.workgroups(p.Groups, p.Lanes), src, dst)
	return prog, nil
}
