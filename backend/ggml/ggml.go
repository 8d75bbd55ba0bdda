//go:build ggml

package ggml

/*
#cgo CFLAGS: -O2 -Wall -Wno-unused-function -fvisibility=hidden
#cgo LDFLAGS: -ldl -lm
#include <stdint.h>
#include <stdlib.h>
#include "attention.h"
void qaqvk_log(int warning, const char * text);
int qaqvk_register(const char * path);
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime/cgo"
	"sync"
	"unsafe"

	"github.com/qaqvk/qaqvk/internal/kvbuffer"
	"github.com/qaqvk/qaqvk/internal/kvhost"
	"github.com/qaqvk/qaqvk/internal/record"
)

var (
	start sync.Once
	host  *kvhost.Host // nil: the settings are none
)

func log(warning bool, line string) {
	text, flag := C.CString(line), C.int(0)
	if warning {
		flag = 1
	}
	C.qaqvk_log(flag, text)
	C.free(unsafe.Pointer(text))
}

//export goStart
func goStart() C.int {
	start.Do(func() {
		s, err := kvhost.ReadSettings(os.LookupEnv)
		if err != nil {
			log(true, err.Error()+", going on without this library")
			return
		}
		host = &kvhost.Host{Settings: s, Log: func(line string) { log(false, line) }, Mapped: kvhost.Mapped}
	})
	return flag(host != nil)
}

// goEnd returns when nothing runs in the background any more that must not when the process ends.
//
//export goEnd
func goEnd() { host.EndRehearsals() }

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// buffer is a KV buffer that C has a handle of.
type buffer struct {
	*kvbuffer.Buffer
	bytes int
	watch *record.Buffer // nil: nothing is recorded
}

func of(handle C.uintptr_t) *buffer { return cgo.Handle(handle).Value().(*buffer) }

// answer is what C is told of a call: 1 or 0, and -1 for an error, which goes to the log.
func answer(yes bool, err error) C.int {
	if err != nil {
		log(true, err.Error())
		return -1
	}
	return flag(yes)
}

// guard turns a panic into an error: none may cross to C.
func guard(do func() (bool, error)) C.int {
	yes, err := func() (yes bool, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return do()
	}()
	return answer(yes, err)
}

// succeeded is guard for calls that C takes for true or false.
func succeeded(do func() error) C.int {
	return flag(guard(func() (bool, error) { return true, do() }) == 1)
}

func bytesAt(p unsafe.Pointer, n C.size_t) []byte { return unsafe.Slice((*byte)(p), int(n)) }

//export goBuffer
func goBuffer(memory unsafe.Pointer, size C.size_t) C.uintptr_t {
	o, watch := kvbuffer.Options{New: host.New, Log: host.Log}, host.Watch()
	if watch != nil {
		o.Observe = watch.Observe
	}
	b := &buffer{kvbuffer.New(bytesAt(memory, size), o), int(size), watch}
	return C.uintptr_t(cgo.NewHandle(b))
}

//export goClose
func goClose(handle C.uintptr_t) {
	guard(func() (bool, error) {
		b := of(handle)
		report := kvhost.NewReport(b.Buffer, b.bytes)
		b.Close()
		cgo.Handle(handle).Delete()
		log(false, report.String())
		return true, errors.Join(b.recorded(), host.Ended(report))
	})
}

//export goTensor
func goTensor(handle C.uintptr_t, name *C.char, at C.size_t, isF16 C.int, row, cells, streams C.int64_t) {
	of(handle).Add(kvbuffer.Tensor{Name: C.GoString(name), At: int(at), F16: isF16 != 0, Row: int(row), Cells: int(cells), Streams: int(streams)})
}

//export goFill
func goFill(handle C.uintptr_t, at, size C.size_t, value C.uint8_t) {
	guard(func() (bool, error) {
		return true, of(handle).Set(int(at), int(size), func(to []byte) {
			for i := range to {
				to[i] = byte(value)
			}
		})
	})
}

//export goSet
func goSet(handle C.uintptr_t, at C.size_t, data unsafe.Pointer, size C.size_t) {
	guard(func() (bool, error) {
		return true, of(handle).Set(int(at), int(size), func(to []byte) { copy(to, bytesAt(data, size)) })
	})
}

//export goGet
func goGet(handle C.uintptr_t, at C.size_t, data unsafe.Pointer, size C.size_t) {
	guard(func() (bool, error) { return true, of(handle).Get(int(at), bytesAt(data, size)) })
}

//export goCopy
func goCopy(handle C.uintptr_t, to, from, size C.size_t) C.int {
	return flag(guard(func() (bool, error) { return of(handle).Copy(int(to), int(from), int(size)) }) == 1)
}

//export goClear
func goClear(handle C.uintptr_t) {
	guard(func() (bool, error) { return true, of(handle).Clear() })
}

//export goExpose
func goExpose(handle C.uintptr_t, at, size C.size_t, written C.int) C.int {
	return succeeded(func() error { return of(handle).Expose(int(at), int(size), written != 0) })
}

//export goShift
func goShift(handle C.uintptr_t, at C.size_t, stream C.int, by *C.int32_t, cells C.int) C.int {
	return succeeded(func() error {
		return of(handle).Shift(int(at), int(stream), unsafe.Slice((*int32)(unsafe.Pointer(by)), int(cells)))
	})
}

//export goSetRows
func goSetRows(handle C.uintptr_t, at C.size_t, width, n C.int, cells, rows unsafe.Pointer, stride C.size_t) C.int {
	return guard(func() (bool, error) {
		return of(handle).SetRows(int(at), 2*int(width), unsafe.Slice((*int64)(cells), int(n)), func(to []byte) {
			C.qaqvk_convert(unsafe.Pointer(unsafe.SliceData(to)), rows, stride, n, width)
		})
	})
}

//export goAttend
func goAttend(handle C.uintptr_t, a *C.struct_qaqvk_attention) C.int {
	return guard(func() (bool, error) { return of(handle).Attend(attention(a)) })
}

func attention(a *C.struct_qaqvk_attention) kvbuffer.Attention {
	out := kvbuffer.Attention{Keys: int(a.at), Values: int(a.values_at), From: int(a.first), MostQueries: int(a.most_queries),
		QueryHeads: int(a.heads), KVHeads: int(a.kv_heads), HeadDim: int(a.dim), Scale: float32(a.scale), SoftCap: float32(a.soft_cap)}
	if a.unfit != nil {
		out.Unfit = C.GoString(a.unfit)
		return out
	}
	n := int(a.queries * a.heads * a.dim)
	out.Q, out.Out = unsafe.Slice((*float32)(a.q), n), unsafe.Slice((*float32)(a.out), n)
	last := int(a.queries-1)*int(a.mask_stride) + int(a.mask_cells)
	out.Mask = kvbuffer.Mask{Values: unsafe.Slice((*uint16)(a.mask), last), Stride: int(a.mask_stride), Cells: int(a.mask_cells)}
	return out
}

//export goAttended
func goAttended(handle C.uintptr_t, at C.size_t, done *C.int8_t, streams, queries C.int) C.int {
	return succeeded(func() error {
		var which []bool
		for _, d := range unsafe.Slice(done, int(streams)) {
			which = append(which, d != 0)
		}
		return of(handle).Attended(int(at), which, int(queries))
	})
}
