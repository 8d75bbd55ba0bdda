package gguf

import (
	"fmt"
	"math/bits"
	"slices"
	"sort"

	parser "github.com/gpustack/gguf-parser-go"

	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// Tensor is one tensor of a file. Dims are in GGUF order: the first is the
// length of a row, contiguous in memory.
type Tensor struct {
	Name  string
	Type  quant.Type
	Dims  []int
	elems int
	at    int64 // offset in the file
	bytes int
}

// Elems returns the number of elements.
func (t *Tensor) Elems() int { return t.elems }

func (f *File) index(infos parser.GGUFTensorInfos, start, size int64) error {
	f.tensors = make(map[string]*Tensor, len(infos))
	for _, info := range infos {
		t, err := place(info, start, size)
		if err != nil {
			return fmt.Errorf("gguf: %s: tensor %q: %w", f.path, info.Name, err)
		}
		if f.tensors[t.Name] != nil {
			return fmt.Errorf("gguf: %s: tensor %q appears twice: %w", f.path, t.Name, ErrFormat)
		}
		f.tensors[t.Name] = t
	}
	return nil
}

// place checks type, shape and position of one tensor against the file's size.
func place(info parser.GGUFTensorInfo, start, size int64) (*Tensor, error) {
	t := &Tensor{Name: info.Name, Type: quant.Type(info.Type)}
	elems, bytes, err := t.Type.Block()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.Type, quant.ErrType)
	}
	total := uint64(1)
	for _, d := range info.Dimensions {
		high, low := bits.Mul64(total, d)
		if total = low; d == 0 || high != 0 || low > 1<<48 {
			return nil, fmt.Errorf("shape %v: %w", info.Dimensions, ErrFormat)
		}
		t.Dims = append(t.Dims, int(d))
	}
	if t.Dims[0]%elems != 0 {
		return nil, fmt.Errorf("rows of %d are no multiple of the %d elements of a %s block: %w", t.Dims[0], elems, t.Type, ErrFormat)
	}
	t.elems = int(total)
	t.bytes = t.elems / elems * bytes
	if info.Offset > uint64(size) || start+int64(info.Offset)+int64(t.bytes) > size {
		return nil, fmt.Errorf("%d bytes at %d end behind the file's %d bytes, the file is cut short: %w", t.bytes, start+int64(info.Offset), size, ErrFormat)
	}
	t.at = start + int64(info.Offset)
	return t, nil
}

// Tensors returns the names of all tensors, sorted.
func (f *File) Tensors() []string {
	names := make([]string, 0, len(f.tensors))
	for name := range f.tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Lookup returns the tensor of that name, or nil.
func (f *File) Lookup(name string) *Tensor { return f.tensors[name] }

// Tensor returns the tensor of that name and shape, or ErrTensor.
func (f *File) Tensor(name string, dims ...int) (*Tensor, error) {
	t := f.tensors[name]
	if t == nil {
		return nil, fmt.Errorf("gguf: %s: no tensor %q: %w", f.path, name, ErrTensor)
	}
	if !slices.Equal(t.Dims, dims) {
		return nil, fmt.Errorf("gguf: %s: tensor %q has shape %v, want %v: %w", f.path, name, t.Dims, dims, ErrTensor)
	}
	return t, nil
}

// ReadF32 reads and expands the whole tensor into dst, t.Elems() long.
func (f *File) ReadF32(t *Tensor, dst []float32) error {
	src := make([]byte, t.bytes)
	if _, err := f.file.ReadAt(src, t.at); err != nil {
		return fmt.Errorf("gguf: %s: tensor %q, %d bytes: %w", f.path, t.Name, t.bytes, err)
	}
	if err := quant.Expand(dst, src, t.Type); err != nil {
		return fmt.Errorf("gguf: %s: tensor %q: %w", f.path, t.Name, err)
	}
	return nil
}
