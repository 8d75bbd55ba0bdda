package conformance

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// convertAt is where converted rows begin in dst.
const convertAt = 4

// clampedBefore is how many elements convert finds counted.
const clampedBefore = 7

// buildConvert converts Groups rows, GroupsPerToken to a token, to places one
// after another or round a ring.
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
	if p.Clamp {
		push.Clamp = 1
	}
	places := p.tokens()
	if p.Slots > 0 {
		places, push.DstRing = p.Slots, uint32(p.Slots)
		switch p.StartAt {
		case "push":
			push.First = p.Start
		case "src":
			push.FirstAt = uint32(len(rows.words) + 1)
			rows.words = append(rows.words, p.Start, unwritten, unwritten, unwritten)
		default:
			return nil, fmt.Errorf("start at %q: must be push or src", p.StartAt)
		}
	}
	prog := &program{}
	src := prog.input("src", rows.words)
	dst := prog.result("dst", convertAt+places*int(push.DstTokenStride))
	clamped := prog.change("clamped", []uint32{clampedBefore})
	prog.run(shaders.Convert, p.spec(shaders.Convert, 0), push.Bytes(), p.workgroups(p.Groups, p.Lanes), src, dst, clamped)
	return prog, nil
}
