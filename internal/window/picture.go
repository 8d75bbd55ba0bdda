package window

import "unsafe"

// copyPicture copies pixels of red, green, blue and alpha; to bgra, of blue first. Both
// begin at a multiple of four bytes, as pictures and buffers do.
func copyPicture(to, from []byte, bgra bool) {
	if !bgra {
		copy(to, from)
		return
	}
	in, out := words(from), words(to)
	out = out[:len(in)]
	for i, p := range in {
		out[i] = p&0xff00ff00 | p>>16&0xff | p&0xff<<16
	}
}

// words are bytes as little-endian words, which processors that run qaqvk have.
func words(b []byte) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}
