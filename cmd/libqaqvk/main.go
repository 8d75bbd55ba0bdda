// Command libqaqvk is the C library (include/qaqvk.h), built with -buildmode=c-shared
// by make lib. It translates arguments; package capi does the rest.
package main

/*
#cgo CFLAGS: -I${SRCDIR}/../../include -Wall -Wextra -Wno-unused-parameter
#include "native.h"
*/
import "C"

import (
	"fmt"
	"runtime/debug"
	"unsafe"

	"github.com/qaqvk/qaqvk/internal/capi"
)

func main() {}

func init() {
	capi.Log = func(level int, message string) {
		if C.qvk_logs(C.int32_t(level)) == 0 {
			return
		}
		text := C.CString(message)
		defer C.free(unsafe.Pointer(text))
		C.qvk_log(C.int32_t(level), text)
	}
}

// call runs a function of the interface. What it returns or throws is the code, and
// the message of the thread.
func call(name string, f func() error) (code C.int32_t) {
	defer func() {
		if p := recover(); p != nil {
			code = fail(name, fmt.Errorf("%v: %w\n%s", p, capi.ErrInternal, debug.Stack()))
		}
	}()
	if C.qvk_logs(capi.LogDebug) != 0 {
		capi.Log(capi.LogDebug, name)
	}
	if err := f(); err != nil {
		return fail(name, err)
	}
	return C.QAQVK_OK
}

// fail notes an error for the thread and returns its code.
func fail(name string, err error) C.int32_t {
	codes, result := capi.CodesOf(err)
	message := name + ": " + err.Error()
	text := C.CString(message)
	defer C.free(unsafe.Pointer(text))
	C.qvk_fail((*C.int32_t)(unsafe.Pointer(&codes[0])), C.uint32_t(len(codes)), C.int32_t(result), text)
	capi.Log(capi.LogError, message)
	return C.int32_t(codes[0])
}

// input checks a structure that the caller gives, which begins with its size.
func input[T any](name string, p *T) error {
	if p == nil {
		return fmt.Errorf("%s is NULL: %w", name, capi.ErrArgument)
	}
	size, known := uintptr(*(*uint32)(unsafe.Pointer(p))), unsafe.Sizeof(*p)
	if size < known || size > mostStruct {
		return fmt.Errorf("%s has struct_size %d: must be %d to %d: %w", name, size, known, mostStruct, capi.ErrArgument)
	}
	for i, b := range unsafe.Slice((*byte)(unsafe.Pointer(p)), size)[known:] {
		if b != 0 {
			return fmt.Errorf("%s: byte %d, of a field that this version does not know, is not 0: %w", name, int(known)+i, capi.ErrArgument)
		}
	}
	return nil
}

// mostStruct is the largest struct_size.
const mostStruct = 4096

// output checks a pointer that the result goes to.
func output[T any](name string, p *T) error {
	if p == nil {
		return fmt.Errorf("%s is NULL: %w", name, capi.ErrArgument)
	}
	return nil
}

// made puts the handle of an object that make makes where the caller wants it, 0 where it
// fails.
func made[H ~uint64](to *H, makes func() (capi.Handle, error)) error {
	if err := output("the handle to write", to); err != nil {
		return err
	}
	*to = 0
	h, err := makes()
	*to = H(h)
	return err
}

// text is a string of the caller.
func text(name string, s C.text_in) (string, error) {
	if s == nil {
		return "", fmt.Errorf("%s is NULL: %w", name, capi.ErrArgument)
	}
	return C.GoString(s), nil
}

// first is the first error.
func first(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}
