package quant

import "encoding/binary"

// NotFinite returns the first element of src, whole blocks of a supported type
// t, that is NaN or infinite, and its value; −1 if there is none. Only scales
// are looked at: codes are finite, and no product of theirs leaves f32.
func NotFinite(src []byte, t Type) (elem int, value float32) {
	f := formats[t]
	for at := 0; at < len(src); at += f.bytes {
		block := src[at : at+f.bytes]
		if f.finite(t, block) {
			continue
		}
		values := make([]float32, f.elems)
		f.expand(values, block)
		for i, x := range values {
			if x-x != 0 {
				return at/f.bytes*f.elems + i, x
			}
		}
	}
	return -1, 0
}

// finite tells whether all exponents of a block are below the largest.
func (f format) finite(t Type, block []byte) bool {
	switch t {
	case F32:
		return binary.LittleEndian.Uint32(block)<<1>>24 != 255
	case BF16:
		return binary.LittleEndian.Uint16(block)<<1>>8 != 255
	}
	for _, at := range f.scales {
		if binary.LittleEndian.Uint16(block[at:])<<1>>11 == 31 {
			return false
		}
	}
	return true
}
