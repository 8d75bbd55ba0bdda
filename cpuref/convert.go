package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// Convert writes rows of TYPE as rows of OUT_TYPE, tokens one after another or
// round a ring of DstSlots; equal types are copied bit for bit.
func Convert(s shaders.Spec, p shaders.ConvertPush, src, dst []uint32) error {
	from := shaders.Layout{Type: s.Type, HeadDim: int(s.HeadDim), Rows: 1}
	to := shaders.Layout{Type: s.OutType, HeadDim: int(s.HeadDim), Rows: 1}
	for _, l := range []shaders.Layout{from, to} {
		if err := l.Check(); err != nil {
			return argument("convert", "%v", err)
		}
	}
	if p.Rows > 0 && p.RowsPerToken == 0 {
		return argument("convert", "0 rows a token: must be at least 1")
	}
	// Tokens in the same place would be written in no order.
	if p.DstSlots > 0 && uint64(p.Rows) > uint64(p.DstSlots)*uint64(p.RowsPerToken) {
		return argument("convert", "%d tokens round a ring of %d", (p.Rows-1)/p.RowsPerToken+1, p.DstSlots)
	}
	in, out := buffer{"convert", "src", src}, buffer{"convert", "dst", dst}
	if err := checkConversion(p, in, out); err != nil {
		return err
	}
	start := uint64(p.First)
	if p.FirstAt > 0 {
		word, err := in.word(uint64(p.FirstAt) - 1)
		if err != nil {
			return err
		}
		start = uint64(word)
	}
	inWords, outWords := uint64(from.RawRowWords()), uint64(to.RawRowWords())
	return parallel(int(p.Rows), from.HeadDim, func(first, end int) error {
		room := make([]uint32, from.HeadDim)
		for n := first; n < end; n++ {
			token, i := uint64(n)/uint64(p.RowsPerToken), uint64(n)%uint64(p.RowsPerToken)
			a, err := in.span(uint64(p.SrcOffset)+token*uint64(p.SrcTokenStride)+i*inWords, inWords)
			if err != nil {
				return err
			}
			place := token
			if p.DstSlots > 0 {
				place = (start + token) % uint64(p.DstSlots)
			}
			b, err := out.span(uint64(p.DstOffset)+place*uint64(p.DstTokenStride)+i*outWords, outWords)
			if err != nil {
				return err
			}
			convertRow(elements{s.Type, a}, elements{s.OutType, b}, room)
		}
		return nil
	})
}

// checkConversion returns an error unless the rows move 128 bits at a time.
func checkConversion(p shaders.ConvertPush, in, out buffer) error {
	if err := checkAligned("convert", p.SrcOffset, p.SrcTokenStride); err != nil {
		return err
	}
	if err := checkAligned("convert", p.DstOffset, p.DstTokenStride); err != nil {
		return err
	}
	return checkWhole(in, out)
}
