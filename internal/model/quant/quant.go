// Package quant expands the weight types of GGUF files to f32.
//
// The block layouts are those of the GGML format (ggml-common.h names them
// block_q4_0 and so on): a block is a fixed number of consecutive elements of
// one row with its own scale, little-endian.
package quant

import (
	"errors"
	"fmt"
)

// Type is a GGML tensor type as numbered in GGUF files.
type Type uint32

// The types that can be expanded.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q4_K Type = 12
	Q6_K Type = 14
	BF16 Type = 30
)

// ErrType says that a tensor has a weight type that this package cannot expand.
var ErrType = errors.New("unsupported weight type (supported: F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q6_K)")

// format describes the blocks of one type: expand writes the values of a run of
// whole blocks; scales are the places of the f16 fields in a block, which decide
// whether its values are finite.
type format struct {
	name         string
	elems, bytes int
	scales       []int
	expand       func(dst []float32, src []byte)
}

var formats = map[Type]format{
	F32:  {"F32", 1, 4, nil, expandF32},
	F16:  {"F16", 1, 2, []int{0}, expandF16},
	BF16: {"BF16", 1, 2, nil, expandBF16},
	Q4_0: {"Q4_0", 32, 18, []int{0}, blocks(32, 18, expandQ40)},
	Q4_1: {"Q4_1", 32, 20, []int{0, 2}, blocks(32, 20, expandQ41)},
	Q5_0: {"Q5_0", 32, 22, []int{0}, blocks(32, 22, expandQ50)},
	Q5_1: {"Q5_1", 32, 24, []int{0, 2}, blocks(32, 24, expandQ51)},
	Q8_0: {"Q8_0", 32, 34, []int{0}, blocks(32, 34, expandQ80)},
	Q4_K: {"Q4_K", 256, 144, []int{0, 2}, blocks(256, 144, expandQ4K)},
	Q6_K: {"Q6_K", 256, 210, []int{208}, blocks(256, 210, expandQ6K)},
}

// blocks makes a function for one block one for a run of them.
func blocks(elems, bytes int, expand func(dst []float32, block []byte)) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		for ; len(dst) >= elems; dst, src = dst[elems:], src[bytes:] {
			expand(dst[:elems], src[:bytes])
		}
	}
}

// Types returns every supported type in the order of their numbers.
func Types() []Type {
	return []Type{F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q6_K, BF16}
}

// String returns the type's name in GGUF files, or its number.
func (t Type) String() string {
	if f, ok := formats[t]; ok {
		return f.name
	}
	if name, ok := unsupported[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Block returns the elements and the bytes of one block, or ErrType.
func (t Type) Block() (elems, bytes int, err error) {
	f, ok := formats[t]
	if !ok {
		return 0, 0, fmt.Errorf("%s: %w", t, ErrType)
	}
	return f.elems, f.bytes, nil
}

// Expand writes the values of src, whole blocks of type t, to dst. The lengths
// must agree: len(dst) elements are len(dst)/elems blocks.
func Expand(dst []float32, src []byte, t Type) error {
	f, ok := formats[t]
	if !ok {
		return fmt.Errorf("quant: %s: %w", t, ErrType)
	}
	if len(dst)%f.elems != 0 || len(src) != len(dst)/f.elems*f.bytes {
		return fmt.Errorf("quant: %s: %d bytes do not hold %d elements", t, len(src), len(dst))
	}
	f.expand(dst, src)
	return nil
}
