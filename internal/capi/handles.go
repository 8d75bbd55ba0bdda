package capi

import (
	"errors"
	"fmt"
	"sync"
)

// Handle is the number of an object that C knows; 0 is none, and none is given out twice.
type Handle uint64

// Errors of handles and arguments.
var (
	ErrArgument = errors.New("argument")
	ErrHandle   = errors.New("no such handle")
	ErrInUse    = errors.New("in use")
	ErrInternal = errors.New("mistake in the library")
)

// objects are those that are open.
var objects = struct {
	sync.Mutex
	last Handle
	of   map[Handle]any
}{of: map[Handle]any{}}

// enter gives an object a handle.
func enter(o any) Handle {
	objects.Lock()
	defer objects.Unlock()
	objects.last++
	objects.of[objects.last] = o
	return objects.last
}

// find returns the object of a handle, which must be of type T.
func find[T interface{ kind() string }](h Handle) (T, error) {
	objects.Lock()
	defer objects.Unlock()
	return lookUp[T](h)
}

// lookUp is find for one who has locked objects.
func lookUp[T interface{ kind() string }](h Handle) (T, error) {
	o, ok := objects.of[h].(T)
	if !ok {
		return o, fmt.Errorf("capi: %s %d: it is not open, or of another kind: %w", o.kind(), h, ErrHandle)
	}
	return o, nil
}

// forget closes handles.
func forget(list ...Handle) {
	objects.Lock()
	defer objects.Unlock()
	for _, h := range list {
		delete(objects.of, h)
	}
}

// take finds an object and closes its handle, for one of those that try at once.
func take[T interface{ kind() string }](h Handle) (T, error) {
	objects.Lock()
	defer objects.Unlock()
	o, err := lookUp[T](h)
	if err == nil {
		delete(objects.of, h)
	}
	return o, err
}

// Open is the number of open handles.
func Open() int {
	objects.Lock()
	defer objects.Unlock()
	return len(objects.of)
}
