package cpuref

import (
	"math"
	"sync/atomic"

	"github.com/qaqvk/qaqvk/shaders"
)

// Convert writes rows of TYPE as rows of OUT_TYPE, tokens one after another or
// round a ring of DstRing; equal types are copied bit for bit. With Clamp, finite
// elements whose rounding is infinite become the largest finite ones, and word 0
// of clamped counts them.
func Convert(s shaders.Spec, p shaders.ConvertPush, src, dst, clamped []uint32) error {
	const k = kernel("convert")
	return try(func() {
		c := converter{
			p: p, from: k.layout(rowsOf(s, s.Type)), to: k.layout(rowsOf(s, s.OutType)),
			src: buffer{k, "src", src}, dst: buffer{k, "dst", dst}, start: uint64(p.First),
		}
		c.check(k)
		count := &(buffer{k, "clamped", clamped}).span(0, 1)[0]
		if p.FirstAt > 0 {
			c.start = uint64(c.src.word(uint64(p.FirstAt) - 1))
		}
		parallel(int(p.Rows), c.from.HeadDim, func(first, end int) {
			room, n := make([]uint32, c.from.HeadDim), uint32(0)
			for row := first; row < end; row++ {
				n += c.convert(uint64(row), room)
			}
			atomic.AddUint32(count, n)
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

// convert converts row n and returns how many elements it clamped.
func (c *converter) convert(n uint64, room []uint32) uint32 {
	token, r := n/uint64(c.p.RowsPerToken), n%uint64(c.p.RowsPerToken)
	place := token
	if c.p.DstRing > 0 {
		place = (c.start + token) % uint64(c.p.DstRing)
	}
	inWords, outWords := uint64(c.from.RawRowWords()), uint64(c.to.RawRowWords())
	in := c.src.span(uint64(c.p.SrcOffset)+token*uint64(c.p.SrcTokenStride)+r*inWords, inWords)
	out := c.dst.span(uint64(c.p.DstOffset)+place*uint64(c.p.DstTokenStride)+r*outWords, outWords)
	convertRow(elements{c.from.Type, in}, elements{c.to.Type, out}, room)
	if c.p.Clamp == 0 || c.from.Type == c.to.Type {
		return 0
	}
	return clampRow(elements{c.from.Type, in}, elements{c.to.Type, out}, room)
}

// clampRow puts the largest finite value where a finite element of in became an
// infinity in out, and returns how often. Both signs have its pattern just below
// that of the infinity.
func clampRow(in, out elements, room []uint32) (n uint32) {
	unpackRow(in, room)
	for i, element := range room {
		if isInfinite(out.typ, out.at(i)) && isFinite(math.Float32frombits(Widen(in.typ, element))) {
			out.set(i, out.at(i)-1)
			n++
		}
	}
	return n
}

// isInfinite tells whether an element of a type is an infinity.
func isInfinite(typ, element uint32) bool { return Widen(typ, element)&0x7fffffff == infinityF32 }
