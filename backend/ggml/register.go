//go:build ggml

package ggml

// #include <stdlib.h>
// int qaqvk_register(const char * path);
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// Errors of Register.
var (
	ErrNotLoaded = errors.New("the process has not loaded it")
	ErrRefused   = errors.New("another release of ggml, or settings that are wrong: the log says which")
	ErrNoGGML    = errors.New("it registers no backends")
)

// Register registers the backend with the ggml of this process, of which path is the
// library that registers backends (libggml.so). It is for Go programs that run llama.cpp
// and so cannot load libggml-qaqvk.so, which brings a Go runtime of its own. Models that
// are loaded afterwards have their KV cache in qaqvk, as the environment says.
func Register(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	err := []error{nil, ErrNotLoaded, ErrRefused, ErrNoGGML}[C.qaqvk_register(name)]
	if err != nil {
		return fmt.Errorf("ggml: register with %s: %w", path, err)
	}
	return nil
}
