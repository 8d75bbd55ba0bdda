package backend

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Rows are rows of n tokens of one layer, [n][KV heads][D], in host memory or
// on the device. Exactly one of F32, U16, Bytes and View is set.
type Rows struct {
	Type  Type
	F32   []float32   // of type F32
	U16   []uint16    // patterns of type F16 or BF16
	Bytes []byte      // any type, little-endian
	View  device.View // any type, on the cache's device; of Append and Attend
}

// RowsF32 are rows of type F32.
func RowsF32(v []float32) Rows { return Rows{Type: F32, F32: v} }

// RowsU16 are rows of a 16-bit type, as patterns.
func RowsU16(t Type, v []uint16) Rows { return Rows{Type: t, U16: v} }

// RowsBytes are rows of any type, little-endian.
func RowsBytes(t Type, v []byte) Rows { return Rows{Type: t, Bytes: v} }

// RowsView are rows of any type in a buffer of the cache's device, from a word
// on that is a multiple of four.
func RowsView(t Type, v device.View) Rows { return Rows{Type: t, View: v} }

// elements are the elements that the rows have room for.
func (r Rows) elements() (int, error) {
	if int(r.Type) >= len(typeNames) {
		return 0, fmt.Errorf("rows of %s: must be one of %v", r.Type, typeNames)
	}
	switch {
	case r.F32 != nil:
		if r.Type != F32 {
			return 0, fmt.Errorf("rows of type %s given as []float32", r.Type)
		}
		return len(r.F32), nil
	case r.U16 != nil:
		if r.Type == F32 {
			return 0, fmt.Errorf("rows of type %s given as []uint16", r.Type)
		}
		return len(r.U16), nil
	case r.View.Buffer != nil:
		return r.View.Words * 4 / r.Type.Bytes(), nil
	}
	if len(r.Bytes)%r.Type.Bytes() != 0 {
		return 0, fmt.Errorf("%d bytes are no whole number of %s elements", len(r.Bytes), r.Type)
	}
	return len(r.Bytes) / r.Type.Bytes(), nil
}

// checkView refuses views that kernels cannot use.
func (r Rows) checkView() error {
	if r.View.Buffer == nil {
		return nil
	}
	if err := r.View.Check(); err != nil {
		return err
	}
	if r.View.Offset%shaders.Align != 0 {
		return fmt.Errorf("rows from word %d: must be a multiple of %d", r.View.Offset, shaders.Align)
	}
	return nil
}

// wordsOf sees the bits of floats as words.
func wordsOf(f []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(f))), len(f))
}

// pack writes elements from the given one on into words.
func (r Rows) pack(from int, words []uint32) {
	switch {
	case r.F32 != nil:
		copy(words, wordsOf(r.F32[from:from+len(words)]))
	case r.U16 != nil:
		src := r.U16[from : from+2*len(words)]
		for i := range words {
			words[i] = uint32(src[2*i]) | uint32(src[2*i+1])<<16
		}
	default:
		src := r.Bytes[from*r.Type.Bytes():]
		for i := range words {
			words[i] = binary.LittleEndian.Uint32(src[4*i:])
		}
	}
}

// unpack reads words into elements from the given one on.
func (r Rows) unpack(from int, words []uint32) {
	switch {
	case r.F32 != nil:
		copy(wordsOf(r.F32[from:from+len(words)]), words)
	case r.U16 != nil:
		dst := r.U16[from : from+2*len(words)]
		for i, w := range words {
			dst[2*i], dst[2*i+1] = uint16(w), uint16(w>>16)
		}
	default:
		dst := r.Bytes[from*r.Type.Bytes():]
		for i, w := range words {
			binary.LittleEndian.PutUint32(dst[4*i:], w)
		}
	}
}
