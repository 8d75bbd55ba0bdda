package quant

import "encoding/binary"

// expandQ40: f16 d, 16 bytes of two codes; x = d·(q−8). The low halves of the
// bytes are elements 0 to 15, the high halves 16 to 31, as in all four types.
func expandQ40(dst []float32, b []byte) {
	d := half(b)
	for j, q := range b[2:18] {
		dst[j] = d * float32(int(q&15)-8)
		dst[j+16] = d * float32(int(q>>4)-8)
	}
}

// expandQ41: f16 d, f16 m, codes; x = d·q + m.
func expandQ41(dst []float32, b []byte) {
	d, m := half(b), half(b[2:])
	for j, q := range b[4:20] {
		dst[j] = float32(d*float32(q&15)) + m
		dst[j+16] = float32(d*float32(q>>4)) + m
	}
}

// expandQ50: f16 d, 32 fifth bits, codes; x = d·(q−16).
func expandQ50(dst []float32, b []byte) {
	d, high := half(b), binary.LittleEndian.Uint32(b[2:])
	for j, q := range b[6:22] {
		dst[j] = d * float32(int(fifth(q&15, high, j))-16)
		dst[j+16] = d * float32(int(fifth(q>>4, high, j+16))-16)
	}
}

// expandQ51: f16 d, f16 m, 32 fifth bits, codes; x = d·q + m.
func expandQ51(dst []float32, b []byte) {
	d, m, high := half(b), half(b[2:]), binary.LittleEndian.Uint32(b[4:])
	for j, q := range b[8:24] {
		dst[j] = float32(d*float32(fifth(q&15, high, j))) + m
		dst[j+16] = float32(d*float32(fifth(q>>4, high, j+16))) + m
	}
}

// fifth joins a 4-bit code with bit j of high.
func fifth(low byte, high uint32, j int) uint32 { return uint32(low) | high>>j&1<<4 }

// expandQ80: f16 d, 32 signed codes; x = d·q.
func expandQ80(dst []float32, b []byte) {
	d := half(b)
	for j, q := range b[2:34] {
		dst[j] = d * float32(int8(q))
	}
}
