// Package modeltest builds GGUF files for tests: any metadata and tensors, and
// a tiny random model that has every weight type.
package modeltest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/qaqvk/qaqvk/internal/model/quant"
)

const alignment = 32

// KV is one metadata entry. Value is a string, bool, uint8 to float64, []string,
// []int32, []bool, or Raw.
type KV struct {
	Key   string
	Value any
}

// Raw is a value of any type number and bytes.
type Raw struct {
	Type uint32
	Data []byte
}

// Tensor is one tensor; Dims in GGUF order, Data of the type's blocks.
type Tensor struct {
	Name string
	Type uint32
	Dims []int
	Data []byte
}

// File is a GGUF file to be written. Edit it at will, damage included.
type File struct {
	KVs     []KV
	Tensors []Tensor
}

// Set replaces or adds a metadata entry; a nil value removes it.
func (f *File) Set(key string, value any) {
	f.KVs = slices.DeleteFunc(f.KVs, func(kv KV) bool { return kv.Key == key })
	if value != nil {
		f.KVs = append(f.KVs, KV{key, value})
	}
}

// Tensor returns the tensor of that name, or nil.
func (f *File) Tensor(name string) *Tensor {
	for i := range f.Tensors {
		if f.Tensors[i].Name == name {
			return &f.Tensors[i]
		}
	}
	return nil
}

// Remove takes the tensor of that name out.
func (f *File) Remove(name string) {
	f.Tensors = slices.DeleteFunc(f.Tensors, func(t Tensor) bool { return t.Name == name })
}

// Write writes the file to path.
func (f *File) Write(path string) error {
	data, err := f.Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// Bytes returns the file in GGUF version 3, or an error for a value type that
// KV does not list.
func (f *File) Bytes() ([]byte, error) {
	w := &writer{}
	if _, err := f.header(w, func(t Tensor) int64 { return int64(len(t.Data)) }); err != nil {
		return nil, err
	}
	for _, t := range f.Tensors {
		w.pad()
		w.put(t.Data)
	}
	w.pad()
	return w.Bytes(), nil
}

// WriteSparse writes a file whose tensors are all zeros, whatever their Data,
// and take no room on the disk.
func (f *File) WriteSparse(path string) error {
	w := &writer{}
	size, err := f.header(w, Tensor.size)
	if err != nil {
		return err
	}
	w.pad()
	if err := os.WriteFile(path, w.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Truncate(path, int64(w.Len())+size)
}

// size is what a tensor of its shape and type takes.
func (t Tensor) size() int64 {
	elems := int64(1)
	for _, d := range t.Dims {
		elems *= int64(d)
	}
	per, bytes, _ := quant.Type(t.Type).Block() // a supported type
	return elems / int64(per) * int64(bytes)
}

// header appends all that comes before the data of tensors of given sizes, and
// returns the size of the data.
func (f *File) header(w *writer, size func(Tensor) int64) (int64, error) {
	w.put([]byte("GGUF"), uint32(3), uint64(len(f.Tensors)), uint64(len(f.KVs)))
	for _, kv := range f.KVs {
		w.text(kv.Key)
		if err := w.value(kv.Value); err != nil {
			return 0, fmt.Errorf("modeltest: %s: %w", kv.Key, err)
		}
	}
	offset := int64(0)
	for _, t := range f.Tensors {
		w.text(t.Name)
		w.put(uint32(len(t.Dims)))
		for _, d := range t.Dims {
			w.put(uint64(d))
		}
		w.put(t.Type, offset)
		offset += (size(t) + alignment - 1) / alignment * alignment
	}
	return offset, nil
}

type writer struct{ bytes.Buffer }

// put appends fixed-size values in little-endian; a bytes.Buffer takes them all.
func (w *writer) put(values ...any) {
	for _, v := range values {
		_ = binary.Write(w, binary.LittleEndian, v)
	}
}

func (w *writer) text(s string) { w.put(uint64(len(s)), []byte(s)) }

func (w *writer) pad() { w.Write(make([]byte, (alignment-w.Len()%alignment)%alignment)) }

// fixed are the type numbers of values of a fixed size.
var fixed = map[reflect.Type]uint32{
	reflect.TypeFor[uint8](): 0, reflect.TypeFor[int8](): 1, reflect.TypeFor[uint16](): 2, reflect.TypeFor[int16](): 3,
	reflect.TypeFor[uint32](): 4, reflect.TypeFor[int32](): 5, reflect.TypeFor[float32](): 6, reflect.TypeFor[bool](): 7,
	reflect.TypeFor[uint64](): 10, reflect.TypeFor[int64](): 11, reflect.TypeFor[float64](): 12,
}

// value appends a value after its type number.
func (w *writer) value(v any) error {
	if number, ok := fixed[reflect.TypeOf(v)]; ok {
		w.put(number, v)
		return nil
	}
	switch v := v.(type) {
	case Raw:
		w.put(v.Type, v.Data)
	case string:
		w.put(uint32(8))
		w.text(v)
	case []int32:
		w.put(uint32(9), uint32(5), uint64(len(v)), v)
	case []bool:
		w.put(uint32(9), uint32(7), uint64(len(v)), v)
	case []string:
		w.put(uint32(9), uint32(8), uint64(len(v)))
		for _, s := range v {
			w.text(s)
		}
	default:
		return fmt.Errorf("value of type %T", v)
	}
	return nil
}
