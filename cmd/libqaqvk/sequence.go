package main

// #include "native.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/capi"
)

//export qaqvk_sequence_create
func qaqvk_sequence_create(cache C.qaqvk_cache, to *C.qaqvk_sequence) C.int32_t {
	return call("qaqvk_sequence_create", func() error {
		return made(to, func() (capi.Handle, error) { return capi.NewSequence(capi.Handle(cache)) })
	})
}

//export qaqvk_sequence_fork
func qaqvk_sequence_fork(of C.qaqvk_sequence, to *C.qaqvk_sequence) C.int32_t {
	return call("qaqvk_sequence_fork", func() error {
		return made(to, func() (capi.Handle, error) { return capi.Fork(capi.Handle(of)) })
	})
}

//export qaqvk_sequence_drop
func qaqvk_sequence_drop(sequence C.qaqvk_sequence) C.int32_t {
	return call("qaqvk_sequence_drop", func() error { return capi.Drop(capi.Handle(sequence)) })
}

// rows are two rows of the caller.
func rows(nameA string, a C.rows_in, nameB string, b C.rows_in) (x, y capi.Rows, err error) {
	if err := first(input(nameA, a), input(nameB, b)); err != nil {
		return x, y, err
	}
	return rowsOf(a), rowsOf(b), nil
}

func rowsOf(r C.rows_in) capi.Rows {
	return capi.Rows{Type: uint32(r._type), Host: r.host, Buffer: capi.Handle(r.buffer), Offset: uint64(r.offset), Size: uint64(r.size)}
}

//export qaqvk_append
func qaqvk_append(sequence C.qaqvk_sequence, layer C.uint32_t, k, v C.rows_in) C.int32_t {
	return call("qaqvk_append", func() error {
		kr, vr, err := rows("k", k, "v", v)
		if err != nil {
			return err
		}
		return capi.Append(capi.Handle(sequence), int(layer), kr, vr)
	})
}

// attendOptions are the caller's, NULL for defaults.
func attendOptions(o C.attend_options_in) (backend.AttendOptions, error) {
	if o == nil {
		return backend.AttendOptions{}, nil
	}
	if err := input("options", o); err != nil {
		return backend.AttendOptions{}, err
	}
	return backend.AttendOptions{Scale: float32(o.scale), Window: int(o.window), SoftCap: float32(o.soft_cap), SkipImportance: o.skip_importance != 0}, nil
}

//export qaqvk_attend
func qaqvk_attend(sequence C.qaqvk_sequence, layer C.uint32_t, q, out C.rows_in, options C.attend_options_in) C.int32_t {
	return call("qaqvk_attend", func() error {
		qr, to, err := rows("q", q, "out", out)
		o, err2 := attendOptions(options)
		if err := first(err, err2); err != nil {
			return err
		}
		return capi.Attend(capi.Handle(sequence), int(layer), qr, to, o)
	})
}

//export qaqvk_observe
func qaqvk_observe(sequence C.qaqvk_sequence, layer C.uint32_t, probabilities C.floats_in, count C.uint64_t, queries, heads C.uint32_t) C.int32_t {
	return call("qaqvk_observe", func() error {
		if probabilities == nil || count > math.MaxInt32*64 {
			return fmt.Errorf("probabilities: NULL, or %d of them: %w", count, capi.ErrArgument)
		}
		probs := unsafe.Slice((*float32)(unsafe.Pointer(probabilities)), count)
		return capi.Observe(capi.Handle(sequence), int(layer), probs, int(queries), int(heads))
	})
}

//export qaqvk_step
func qaqvk_step(sequence C.qaqvk_sequence) C.int32_t {
	return call("qaqvk_step", func() error { return capi.Step(capi.Handle(sequence)) })
}

//export qaqvk_adapt
func qaqvk_adapt(sequence C.qaqvk_sequence, moved *C.uint64_t) C.int32_t {
	return call("qaqvk_adapt", func() error {
		n, err := capi.Adapt(capi.Handle(sequence))
		if moved != nil {
			*moved = C.uint64_t(n)
		}
		return err
	})
}

//export qaqvk_rollback
func qaqvk_rollback(sequence C.qaqvk_sequence, tokens C.uint32_t) C.int32_t {
	return call("qaqvk_rollback", func() error { return capi.Rollback(capi.Handle(sequence), int(tokens)) })
}

//export qaqvk_tokens
func qaqvk_tokens(sequence C.qaqvk_sequence, to *C.uint32_t) C.int32_t {
	return call("qaqvk_tokens", func() error {
		if err := output("tokens", to); err != nil {
			return err
		}
		n, err := capi.Tokens(capi.Handle(sequence))
		if err == nil {
			*to = C.uint32_t(n)
		}
		return err
	})
}

//export qaqvk_read
func qaqvk_read(sequence C.qaqvk_sequence, layer C.uint32_t, k, v C.rows_in, to *C.uint32_t) C.int32_t {
	return call("qaqvk_read", func() error {
		kr, vr, err := rows("k", k, "v", v)
		if err != nil {
			return err
		}
		n, err := capi.Read(capi.Handle(sequence), int(layer), kr, vr)
		if err == nil && to != nil {
			*to = C.uint32_t(n)
		}
		return err
	})
}

//export qaqvk_recording_begin
func qaqvk_recording_begin(cache C.qaqvk_cache, commands C.command_buffer_in, to *C.qaqvk_recording) C.int32_t {
	return call("qaqvk_recording_begin", func() error {
		return made(to, func() (capi.Handle, error) {
			return capi.NewRecording(capi.Handle(cache), uintptr(unsafe.Pointer(commands)))
		})
	})
}

//export qaqvk_record_attend
func qaqvk_record_attend(recording C.qaqvk_recording, sequence C.qaqvk_sequence, layer C.uint32_t, q, out C.rows_in, options C.attend_options_in) C.int32_t {
	return call("qaqvk_record_attend", func() error {
		qr, to, err := rows("q", q, "out", out)
		o, err2 := attendOptions(options)
		if err := first(err, err2); err != nil {
			return err
		}
		return capi.RecordAttend(capi.Handle(recording), capi.Handle(sequence), int(layer), qr, to, o)
	})
}

//export qaqvk_recording_finish
func qaqvk_recording_finish(recording C.qaqvk_recording) C.int32_t {
	return call("qaqvk_recording_finish", func() error { return capi.EndRecording(capi.Handle(recording), true) })
}

//export qaqvk_recording_discard
func qaqvk_recording_discard(recording C.qaqvk_recording) C.int32_t {
	return call("qaqvk_recording_discard", func() error { return capi.EndRecording(capi.Handle(recording), false) })
}
