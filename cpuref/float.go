package cpuref

import (
	"math"
	"math/bits"
	"sync"

	"github.com/qaqvk/qaqvk/shaders"
)

const (
	smallestNormal = 1.0 / (1 << 126)
	infinityF32    = 0x7f800000
)

// flush replaces -0 and subnormals by +0. NaNs pass.
func flush(x float32) float32 {
	if x > -smallestNormal && x < smallestNormal {
		return 0
	}
	return x
}

func widenF16(h uint32) uint32 {
	sign, exponent, fraction := h>>15<<31, h>>10&31, h&0x3ff
	switch {
	case exponent == 31:
		return sign | infinityF32 | fraction<<13
	case exponent != 0:
		return sign | (exponent+127-15)<<23 | fraction<<13
	case fraction == 0:
		return sign
	}
	// The leading one of a subnormal becomes the hidden bit: fraction*2^-24.
	top := uint32(bits.Len32(fraction)) - 1
	return sign | (127-24+top)<<23 | fraction<<(23-top)&0x7fffff
}

func narrowF16(f uint32) uint32 {
	sign, magnitude := f>>31<<15, f&0x7fffffff
	exponent := int(magnitude >> 23)
	switch {
	case magnitude > infinityF32:
		return sign | 0x7e00 | magnitude>>13&0x1ff
	case exponent >= 127+16:
		return sign | 0x7c00
	case exponent >= 127-14:
		// A carry out of the fraction moves into the exponent, up to infinity.
		return sign | roundShift(magnitude-(127-15)<<23, 13)
	case exponent >= 127-25:
		return sign | roundShift(magnitude&0x7fffff|0x800000, uint(127-14-exponent)+13)
	}
	return sign
}

func narrowBF16(f uint32) uint32 {
	if f&0x7fffffff > infinityF32 {
		return f>>16 | 0x40
	}
	return roundShift(f, 16)
}

// roundShift returns x / 2^n rounded to nearest even, n in 1..31.
func roundShift(x uint32, n uint) uint32 {
	return uint32((uint64(x) + (1<<(n-1) - 1) + uint64(x>>n&1)) >> n)
}

// Widen returns the f32 bits of an element of the given type: exact, NaN
// payloads shifted up.
func Widen(typ, element uint32) uint32 {
	switch typ {
	case shaders.TypeF16:
		return widenF16(element)
	case shaders.TypeBF16:
		return element << 16
	}
	return element
}

// Narrow rounds f32 bits to the given type, to nearest even. Overflow gives an
// infinity; a NaN keeps its sign and the payload bits that fit, and is quiet.
func Narrow(typ, f32 uint32) uint32 {
	switch typ {
	case shaders.TypeF16:
		return narrowF16(f32)
	case shaders.TypeBF16:
		return narrowBF16(f32)
	}
	return f32
}

// Load returns the value that the codec sees in an element: widened, with -0
// and what is subnormal in f32 replaced by +0.
func Load(typ, element uint32) float32 {
	return flush(math.Float32frombits(Widen(typ, element)))
}

// loadFinite is Load with +0 for a NaN or an infinity.
func loadFinite(typ, element uint32) float32 {
	if x := Load(typ, element); isFinite(x) {
		return x
	}
	return 0
}

// loadedF16 is every f16 element, loaded.
var loadedF16 = sync.OnceValue(func() *[1 << 16]float32 {
	var table [1 << 16]float32
	for i := range table {
		table[i] = Load(shaders.TypeF16, uint32(i))
	}
	return &table
})

// elements reads and writes a run of elements packed in words.
type elements struct {
	typ   uint32
	words []uint32
}

func (e elements) at(i int) uint32 {
	if e.typ == shaders.TypeF32 {
		return e.words[i]
	}
	return e.words[i/2] >> (i % 2 * 16) & 0xffff
}

// load loads the first len(out) of a run of elements.
func (e elements) load(out []float32) {
	if e.typ != shaders.TypeF16 {
		for i := range out {
			out[i] = Load(e.typ, e.at(i))
		}
		return
	}
	table := loadedF16()
	for i := range out {
		out[i] = table[e.words[i/2]>>(i%2*16)&0xffff]
	}
}

func (e elements) set(i int, element uint32) {
	if e.typ == shaders.TypeF32 {
		e.words[i] = element
		return
	}
	shift := i % 2 * 16
	e.words[i/2] = e.words[i/2]&^(0xffff<<shift) | element<<shift
}

// unpackRow returns the elements of a row, one a word of out.
func unpackRow(in elements, out []uint32) {
	if in.typ == shaders.TypeF32 {
		copy(out, in.words)
		return
	}
	for i, w := range in.words[:len(out)/2] {
		out[2*i], out[2*i+1] = w&0xffff, w>>16
	}
}

// packRow is the reverse; rows have an even number of elements.
func packRow(in []uint32, out elements) {
	if out.typ == shaders.TypeF32 {
		copy(out.words, in)
		return
	}
	for i := range len(in) / 2 {
		out.words[i] = in[2*i] | in[2*i+1]<<16
	}
}

// convertRow widens or narrows a row of len(room) elements; equal types are
// copied as they are.
func convertRow(in, out elements, room []uint32) {
	if in.typ == out.typ {
		copy(out.words, in.words)
		return
	}
	unpackRow(in, room)
	for i, element := range room {
		room[i] = Narrow(out.typ, Widen(in.typ, element))
	}
	packRow(room, out)
}
