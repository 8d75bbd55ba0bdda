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
	typ   Type
	f32   []float32   // of type F32
	u16   []uint16    // patterns of type F16 or BF16
	bytes []byte      // any type, little-endian
	view  device.View // any type, on the cache's device; of Append and Attend
}

// RowsF32 are rows of type F32.
func RowsF32(v []float32) Rows { return Rows{typ: F32, f32: v} }

// RowsU16 are rows of a 16-bit type, as patterns.
func RowsU16(t Type, v []uint16) Rows { return Rows{typ: t, u16: v} }

// RowsBytes are rows of any type, little-endian.
func RowsBytes(t Type, v []byte) Rows { return Rows{typ: t, bytes: v} }

// RowsView are rows of any type in a buffer of the cache's device, from a word
// on that is a multiple of four.
func RowsView(t Type, v device.View) Rows { return Rows{typ: t, view: v} }

// elements are the elements that the rows have room for.
func (r Rows) elements() (int, error) {
	if int(r.typ) >= len(typeNames) {
		return 0, fmt.Errorf("rows of %s: must be one of %v", r.typ, typeNames)
	}
	switch {
	case r.f32 != nil:
		if r.typ != F32 {
			return 0, fmt.Errorf("rows of type %s given as []float32", r.typ)
		}
		return len(r.f32), nil
	case r.u16 != nil:
		if r.typ == F32 {
			return 0, fmt.Errorf("rows of type %s given as []uint16", r.typ)
		}
		return len(r.u16), nil
	case r.view.Buffer != nil:
		return r.view.Words * 4 / r.typ.Bytes(), nil
	}
	if len(r.bytes)%r.typ.Bytes() != 0 {
		return 0, fmt.Errorf("%d bytes are no whole number of %s elements", len(r.bytes), r.typ)
	}
	return len(r.bytes) / r.typ.Bytes(), nil
}

// checkView refuses views that the kernels of a device cannot use.
func (r Rows) checkView(d device.Device) error {
	if r.view.Buffer == nil {
		return nil
	}
	if !d.Owns(r.view.Buffer) {
		return fmt.Errorf("rows in buffer %s: it is none of %s, or was released", r.view.Buffer.Label(), d.Name())
	}
	if err := r.view.Check(); err != nil {
		return err
	}
	if r.view.Offset%shaders.Align != 0 {
		return fmt.Errorf("rows from word %d: must be a multiple of %d", r.view.Offset, shaders.Align)
	}
	l := d.Limits() // kernels see the words from an aligned one on
	if n := r.view.Words + r.view.Offset%l.ViewAlign; n > l.ViewWords {
		return fmt.Errorf("rows of %d words: the device limits a storage buffer to %d", n, l.ViewWords)
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
	case r.f32 != nil:
		copy(words, wordsOf(r.f32[from:from+len(words)]))
	case r.u16 != nil:
		src := r.u16[from : from+2*len(words)]
		for i := range words {
			words[i] = uint32(src[2*i]) | uint32(src[2*i+1])<<16
		}
	default:
		src := r.bytes[from*r.typ.Bytes():]
		for i := range words {
			words[i] = binary.LittleEndian.Uint32(src[4*i:])
		}
	}
}

// unpack reads words into elements from the given one on.
func (r Rows) unpack(from int, words []uint32) {
	switch {
	case r.f32 != nil:
		copy(wordsOf(r.f32[from:from+len(words)]), words)
	case r.u16 != nil:
		dst := r.u16[from : from+2*len(words)]
		for i, w := range words {
			dst[2*i], dst[2*i+1] = uint16(w), uint16(w>>16)
		}
	default:
		dst := r.bytes[from*r.typ.Bytes():]
		for i, w := range words {
			binary.LittleEndian.PutUint32(dst[4*i:], w)
		}
	}
}
