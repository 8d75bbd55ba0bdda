package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// Convert writes rows of TYPE as rows of OUT_TYPE, tokens one after another or
// round a ring of DstRing; equal types are copied bit for bit.
func Convert(s shaders.Spec, p shaders.ConvertPush, src, dst []uint32) error {
	const k = kernel("convert")
	return try(func() {
		c := converter{
			p: p, from: k.layout(rowsOf(s, s.Type)), to: k.layout(rowsOf(s, s.OutType)),
			src: buffer{k, "src", src}, dst: buffer{k, "dst", dst}, start: uint64(p.First),
		}
		c.check(k)
		if p.FirstAt > 0 {
			c.start = uint64(c.src.word(uint64(p.FirstAt) - 1))
		}
		parallel(int(p.Rows), c.from.HeadDim, func(first, end int) {
			room := make([]uint32, c.from.HeadDim)
			for n := first; n < end; n++ {
				c.convert(uint64(n), room)
			}
		})
	})
}

type converter struct {
	p        shaders.ConvertPush
	from, to shaders.Layout
	src, dst buffer
	start    uint64 // number of the first token
}

// rowsOf is a specialization for rows of a type.
func rowsOf(s shaders.Spec, typ uint32) shaders.Spec {
	return shaders.Spec{Type: typ, HeadDim: s.HeadDim, Rows: 1}
}

func (c *converter) check(k kernel) {
	p := c.p
	if p.Rows > 0 && p.RowsPerToken == 0 {
		k.fail("0 rows a token: must be at least 1")
	}
	// Tokens in the same place would be written in no order.
	if p.DstRing > 0 && uint64(p.Rows) > uint64(p.DstRing)*uint64(p.RowsPerToken) {
		k.fail("%d tokens round a ring of %d", (p.Rows-1)/p.RowsPerToken+1, p.DstRing)
	}
	k.checkAligned(p.SrcOffset, p.SrcTokenStride)
	k.checkAligned(p.DstOffset, p.DstTokenStride)
	checkWhole(c.src, c.dst)
}

// convert converts row n.
func (c *converter) convert(n uint64, room []uint32) {
	token, r := n/uint64(c.p.RowsPerToken), n%uint64(c.p.RowsPerToken)
	place := token
	if c.p.DstRing > 0 {
		place = (c.start + token) % uint64(c.p.DstRing)
	}
	inWords, outWords := uint64(c.from.RawRowWords()), uint64(c.to.RawRowWords())
	in := c.src.span(uint64(c.p.SrcOffset)+token*uint64(c.p.SrcTokenStride)+r*inWords, inWords)
	out := c.dst.span(uint64(c.p.DstOffset)+place*uint64(c.p.DstTokenStride)+r*outWords, outWords)
	convertRow(elements{c.from.Type, in}, elements{c.to.Type, out}, room)
}
