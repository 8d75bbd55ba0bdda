package cpuref

import "encoding/binary"

// A row string holds the codes of a row, most significant plane first: bit
// p*D + d is bit b-1-p of the code of element d. D is a multiple of 8, so the
// b bits of eight neighbours lie in b whole bytes, one a plane, and turning an
// 8x8 bit matrix gives the eight codes.

// writeRow writes the row string of b bits of a row's codes, 1..8 bits each, to
// out, which has ceil(b*D/32) words; the last is padded with zeros.
func writeRow(codes []uint8, b int, out []uint32) {
	clear(out)
	plane := len(codes) / 8
	for i := range plane {
		m := transpose(binary.LittleEndian.Uint64(codes[i*8:]))
		for p := range b {
			at := p*plane + i
			out[at/4] |= uint32(m>>((b-1-p)*8)&0xff) << (at % 4 * 8)
		}
	}
}

// readRow reads codes of b bits, 0..8, from a row string.
func readRow(in []uint32, b int, codes []uint8) {
	plane := len(codes) / 8
	for i := range plane {
		var m uint64
		for p := range b {
			at := p*plane + i
			m |= uint64(in[at/4]>>(at%4*8)&0xff) << ((b - 1 - p) * 8)
		}
		binary.LittleEndian.PutUint64(codes[i*8:], transpose(m))
	}
}

// cutRow copies the first n bits of a row string and pads with zeros; n is at
// most the bits of both.
func cutRow(in []uint32, n int, out []uint32) {
	copy(out, in[:len(out)])
	if n%32 != 0 {
		out[len(out)-1] &= 1<<(n%32) - 1
	}
}

// joinRow writes the first n bits of head followed by the first m bits of tail
// to out, which has ceil((n+m)/32) words, and pads with zeros.
func joinRow(head []uint32, n int, tail []uint32, m int, out []uint32) {
	clear(out)
	cutRow(head, n, out[:(n+31)/32])
	for i := 0; i*32 < m; i++ {
		w := uint64(tail[i])
		if left := m - i*32; left < 32 {
			w &= 1<<left - 1
		}
		w <<= n % 32
		out[n/32+i] |= uint32(w)
		if w>>32 != 0 {
			out[n/32+i+1] |= uint32(w >> 32)
		}
	}
}

// transpose turns an 8x8 bit matrix: bit 8r+c becomes bit 8c+r.
func transpose(m uint64) uint64 {
	t := (m ^ m>>7) & 0x00aa00aa00aa00aa
	m ^= t ^ t<<7
	t = (m ^ m>>14) & 0x0000cccc0000cccc
	m ^= t ^ t<<14
	t = (m ^ m>>28) & 0x00000000f0f0f0f0
	return m ^ t ^ t<<28
}
