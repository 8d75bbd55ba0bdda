//go:build ggml

package ggml

// #include <stdint.h>
// #include "rope.h"
import "C"

import (
	"unsafe"

	"github.com/qaqvk/qaqvk/internal/record"
)

// recorded ends the recording of a buffer that is closed, and writes the profile.
func (b *buffer) recorded() error {
	if b.watch == nil {
		return nil
	}
	b.watch.Close()
	line, err := host.Recorded()
	if line != "" {
		log(false, line)
	}
	return err
}

//export goWatched
func goWatched(handle C.uintptr_t) C.int { return flag(of(handle).watch != nil) }

//export goWonders
func goWonders(handle C.uintptr_t, tensor *C.char) C.int {
	return flag(of(handle).watch.Wonders(C.GoString(tensor)))
}

//export goRope
func goRope(handle C.uintptr_t, tensor *C.char, r *C.struct_qaqvk_rope) {
	guard(func() (bool, error) {
		t := record.Turning{Dims: int(r.dims), Mode: int(r.mode), Context: int(r.context), Base: float32(r.base), Scale: float32(r.scale),
			Mix: float32(r.mix), Fast: float32(r.fast), Slow: float32(r.slow)}
		if r.unknown != nil {
			t.Unknown = C.GoString(r.unknown)
		}
		if r.factors != nil {
			t.Factors = append([]float32{}, unsafe.Slice((*float32)(unsafe.Pointer(r.factors)), int(r.factor_count))...)
		}
		of(handle).watch.Turned(C.GoString(tensor), t)
		return true, nil
	})
}
