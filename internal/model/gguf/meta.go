package gguf

import (
	"fmt"
	"math"

	parser "github.com/gpustack/gguf-parser-go"
)

// number is any numeric metadata value type.
type number interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64
}

func toFloat[T number](v any) (float64, bool) {
	n, ok := v.(T)
	return float64(n), ok
}

var numeric = []func(any) (float64, bool){
	toFloat[uint32], toFloat[int32], toFloat[float32], toFloat[uint64], toFloat[int64],
	toFloat[uint8], toFloat[int8], toFloat[uint16], toFloat[int16], toFloat[float64],
}

func asFloat(v any) (float64, bool) {
	for _, convert := range numeric {
		if n, ok := convert(v); ok {
			return n, true
		}
	}
	return 0, false
}

func asInt(v any) (int, bool) {
	n, ok := asFloat(v)
	return int(n), ok && n == math.Trunc(n) && math.Abs(n) <= math.MaxInt32
}

func asString(v any) (string, bool) {
	s, ok := v.(string)
	return s, ok
}

func asBool(v any) (bool, bool) {
	b, ok := v.(bool)
	return b, ok
}

// get reads a value with convert; a key that is not there gives def.
func get[T any](f *File, key, want string, def T, convert func(any) (T, bool)) (T, error) {
	kv, ok := f.meta[key]
	if !ok {
		return def, nil
	}
	v, ok := convert(kv.Value)
	if !ok {
		return def, fmt.Errorf("gguf: %s: %s is no %s: %w", f.path, key, want, ErrKey)
	}
	return v, nil
}

// list reads an array with convert; a key that is not there gives nil.
func list[T any](f *File, key, want string, convert func(any) (T, bool)) ([]T, error) {
	kv, ok := f.meta[key]
	if !ok {
		return nil, nil
	}
	array, ok := kv.Value.(parser.GGUFMetadataKVArrayValue)
	if !ok {
		return nil, fmt.Errorf("gguf: %s: %s is no array: %w", f.path, key, ErrKey)
	}
	out := make([]T, len(array.Array))
	for i, v := range array.Array {
		if out[i], ok = convert(v); !ok {
			return nil, fmt.Errorf("gguf: %s: %s[%d] is no %s: %w", f.path, key, i, want, ErrKey)
		}
	}
	return out, nil
}

// Int returns a whole number of at most 31 bits, def when the key is absent,
// or ErrKey when the value is something else. The others are alike.
func (f *File) Int(key string, def int) (int, error) {
	return get(f, key, "whole number below 2^31", def, asInt)
}

// Float returns a number.
func (f *File) Float(key string, def float64) (float64, error) {
	return get(f, key, "number", def, asFloat)
}

// Bool returns a truth value.
func (f *File) Bool(key string, def bool) (bool, error) {
	return get(f, key, "truth value", def, asBool)
}

// String returns a string, trimmed of white space at both ends by the parser.
func (f *File) String(key, def string) (string, error) {
	return get(f, key, "string", def, asString)
}

// Strings returns an array of strings, each trimmed like String's.
func (f *File) Strings(key string) ([]string, error) { return list(f, key, "string", asString) }

// Ints returns an array of whole numbers of at most 31 bits.
func (f *File) Ints(key string) ([]int, error) {
	return list(f, key, "whole number below 2^31", asInt)
}
