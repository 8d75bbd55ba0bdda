package gguf

import (
	"fmt"
	"math"
	"sort"
)

// element converts the i-th element of kind k of a value.
type element[T any] func(v value, k kind, i int) (T, bool)

func asFloat(v value, k kind, i int) (float64, bool) { return number(k, v.data, i) }

func asInt(v value, k kind, i int) (int, bool) {
	n, ok := number(k, v.data, i)
	if !ok || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		return 0, false
	}
	return int(n), true
}

func asBool(v value, k kind, i int) (bool, bool) {
	if k != kindBool {
		return false, false
	}
	return v.data[i] == 1, true
}

func asString(v value, k kind, i int) (string, bool) {
	switch {
	case k != kindString:
		return "", false
	case v.kind == kindArray:
		return v.texts[i], true
	}
	return v.text, true
}

// get reads a value with convert; a key that is not there gives def.
func get[T any](f *File, key, want string, def T, convert element[T]) (T, error) {
	v, ok := f.meta[key]
	if !ok {
		return def, nil
	}
	out, ok := convert(v, v.kind, 0)
	if !ok {
		return def, fmt.Errorf("gguf: %s: %s is no %s: %w", f.path, key, want, ErrKey)
	}
	return out, nil
}

// list reads an array with convert; a key that is not there gives nil.
func list[T any](f *File, key, want string, convert element[T]) ([]T, error) {
	v, ok := f.meta[key]
	if !ok {
		return nil, nil
	}
	if v.kind != kindArray || v.elem == kindArray {
		return nil, fmt.Errorf("gguf: %s: %s is no array of values: %w", f.path, key, ErrKey)
	}
	n := len(v.texts)
	if v.elem != kindString {
		n = len(v.data) / int(v.elem.least())
	}
	out := make([]T, n)
	for i := range out {
		if out[i], ok = convert(v, v.elem, i); !ok {
			return nil, fmt.Errorf("gguf: %s: %s[%d] is no %s: %w", f.path, key, i, want, ErrKey)
		}
	}
	return out, nil
}

const wholeNumber = "whole number below 2^31"

// Int returns a whole number of at most 31 bits, def when the key is absent,
// or ErrKey when the value is something else. The others are alike.
func (f *File) Int(key string, def int) (int, error) { return get(f, key, wholeNumber, def, asInt) }

// Float returns a number.
func (f *File) Float(key string, def float64) (float64, error) {
	return get(f, key, "number", def, asFloat)
}

// Bool returns a truth value.
func (f *File) Bool(key string, def bool) (bool, error) {
	return get(f, key, "truth value", def, asBool)
}

// String returns a string, byte for byte.
func (f *File) String(key, def string) (string, error) {
	return get(f, key, "string", def, asString)
}

// Strings returns an array of strings, byte for byte.
func (f *File) Strings(key string) ([]string, error) { return list(f, key, "string", asString) }

// Ints returns an array of whole numbers of at most 31 bits.
func (f *File) Ints(key string) ([]int, error) { return list(f, key, wholeNumber, asInt) }

// Bools returns an array of truth values.
func (f *File) Bools(key string) ([]bool, error) { return list(f, key, "truth value", asBool) }

// IsArray tells whether a key is there as an array.
func (f *File) IsArray(key string) bool { return f.meta[key].kind == kindArray }

// Keys returns all metadata keys, sorted.
func (f *File) Keys() []string {
	keys := make([]string, 0, len(f.meta))
	for key := range f.meta {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
