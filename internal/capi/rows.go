package capi

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
)

// Rows are rows as C gives them: Host or Buffer is set.
type Rows struct {
	Type         uint32
	Host         unsafe.Pointer
	Buffer       Handle
	Offset, Size uint64 // bytes
}

// rows are those that a cache takes.
func (r Rows) rows() (backend.Rows, error) {
	switch {
	case r.Type > uint32(backend.F32):
		return backend.Rows{}, fmt.Errorf("capi: rows of type %d: must be 0..%d: %w", r.Type, backend.F32, ErrArgument)
	case (r.Host == nil) == (r.Buffer == 0):
		return backend.Rows{}, fmt.Errorf("capi: rows of host memory and of a buffer, or of none: must be of one: %w", ErrArgument)
	case r.Size > math.MaxInt64-r.Offset || r.Size > 1<<47 || r.Offset%4 != 0:
		return backend.Rows{}, fmt.Errorf("capi: rows of %d bytes from byte %d: no multiple of 4 or too large: %w", r.Size, r.Offset, ErrArgument)
	case r.Buffer != 0:
		return r.view()
	case r.Offset != 0:
		return backend.Rows{}, fmt.Errorf("capi: rows of host memory from byte %d: must be 0: %w", r.Offset, ErrArgument)
	}
	t := backend.Type(r.Type)
	if t == backend.F32 && r.Size%4 == 0 && uintptr(r.Host)%4 == 0 {
		return backend.RowsF32(unsafe.Slice((*float32)(r.Host), r.Size/4)), nil
	}
	return backend.RowsBytes(t, unsafe.Slice((*byte)(r.Host), r.Size)), nil
}

func (r Rows) view() (backend.Rows, error) {
	b, err := find[*openBuffer](r.Buffer)
	if err != nil {
		return backend.Rows{}, err
	}
	if r.Size%4 != 0 {
		return backend.Rows{}, fmt.Errorf("capi: rows of %d bytes in a buffer: must be a multiple of 4: %w", r.Size, ErrArgument)
	}
	return backend.RowsView(backend.Type(r.Type), device.View{Buffer: b.buffer, Offset: int(r.Offset / 4), Words: int(r.Size / 4)}), nil
}

// pair are two rows.
func pair(a, b Rows) (x, y backend.Rows, err error) {
	if x, err = a.rows(); err == nil {
		y, err = b.rows()
	}
	return x, y, err
}
