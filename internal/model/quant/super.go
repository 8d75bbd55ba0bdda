package quant

// expandQ4K: f16 d, f16 dmin, 12 bytes with eight 6-bit (scale, min) pairs,
// 128 bytes of two codes. Sub-blocks of 32: x = d·scale·q − dmin·min; the low
// halves of each 32 bytes are one sub-block, the high halves the next.
func expandQ4K(dst []float32, b []byte) {
	d, dmin, packed, codes := half(b), half(b[2:]), b[4:16], b[16:144]
	for pair := range 4 {
		s0, m0 := scaleMin(packed, 2*pair)
		s1, m1 := scaleMin(packed, 2*pair+1)
		d0, o0 := d*float32(s0), dmin*float32(m0)
		d1, o1 := d*float32(s1), dmin*float32(m1)
		out := dst[64*pair : 64*pair+64]
		for j, q := range codes[32*pair : 32*pair+32] {
			out[j] = float32(d0*float32(q&15)) - o0
			out[j+32] = float32(d1*float32(q>>4)) - o1
		}
	}
}

// scaleMin unpacks pair j of the eight 6-bit pairs of a Q4_K block: the first
// four lie in the low six bits of bytes 0..3 and 4..7, the others are split
// between bytes 8..11 and the top bits of bytes 0..7.
func scaleMin(p []byte, j int) (scale, min byte) {
	if j < 4 {
		return p[j] & 63, p[j+4] & 63
	}
	return p[j+4]&15 | p[j-4]>>6<<4, p[j+4]>>4 | p[j]>>6<<4
}

// expandQ6K: 128 bytes of low 4 bits, 64 bytes of high 2 bits, 16 signed
// scales, f16 d; x = d·scale·(q−32), one scale for 16 elements. Each half of
// the block has 128 elements in four runs of 32 that share their high bytes.
func expandQ6K(dst []float32, b []byte) {
	d := half(b[208:])
	for h := range 2 {
		low, high, scales := b[64*h:64*h+64], b[128+32*h:160+32*h], b[192+8*h:200+8*h]
		out := dst[128*h : 128*h+128]
		for run := range 4 {
			shift, highShift := run>>1*4, 2*run
			for part := range 2 {
				from := 16 * part
				s := d * float32(int8(scales[2*run+part]))
				lows, highs := low[32*(run&1)+from:][:16], high[from:][:16]
				values := out[32*run+from:][:16]
				for j := range values {
					q := lows[j]>>shift&15 | highs[j]>>highShift&3<<4
					values[j] = s * float32(int(q)-32)
				}
			}
		}
	}
}
