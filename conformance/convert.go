package conformance

import "github.com/qaqvk/qaqvk/shaders"

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
		DstOffset:      3,
		DstTokenStride: uint32(p.GroupsPerToken*out + 5),
	}
	prog := &program{}
	src := prog.input("src", rows.words)
	dst := prog.result("dst", 3+p.tokens()*int(push.DstTokenStride))
	prog.run(shaders.Convert, p.spec(shaders.Convert), push.Bytes(), p.workgroups(p.Groups, p.Lanes), src, dst)
	return prog, nil
}
