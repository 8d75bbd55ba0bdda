package gguf

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"sort"

	"github.com/qaqvk/qaqvk/internal/model/quant"
)

const (
	maxDims  = 4
	maxName  = 1024
	maxElems = 1 << 48
)

// Tensor is one tensor of a file. Dims are in GGUF order: the first is the
// length of a row, contiguous in memory.
type Tensor struct {
	Name  string
	Type  quant.Type
	Dims  []int
	elems int
	part  *part
	at    int64 // offset in the part
	bytes int64
}

// Elems returns the number of elements.
func (t *Tensor) Elems() int { return t.elems }

// Bytes returns the size in the file.
func (t *Tensor) Bytes() int64 { return t.bytes }

// readTensors reads the descriptions and places the tensors behind them.
func (p *part) readTensors(c *cursor, count uint64) error {
	if err := c.need(count, minTensor, "tensors"); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range count {
		name, err := c.text(maxName)
		if err != nil {
			return fmt.Errorf("name of tensor %d of %d: %w", i, count, err)
		}
		if names[name] {
			return fmt.Errorf("tensor %s appears twice: %w", quote(name), ErrFormat)
		}
		names[name] = true
		t := &Tensor{Name: name, part: p}
		if err := t.describe(c); err != nil {
			return fmt.Errorf("tensor %s: %w", quote(name), err)
		}
		p.tensors = append(p.tensors, t)
	}
	return p.place(c.at)
}

// describe reads shape, type and offset.
func (t *Tensor) describe(c *cursor) error {
	dims, err := c.u32()
	if err != nil {
		return err
	}
	if dims < 1 || dims > maxDims {
		return fmt.Errorf("%d dimensions, want 1 to %d: %w", dims, maxDims, ErrFormat)
	}
	shape := make([]uint64, dims)
	for i := range shape {
		if shape[i], err = c.u64(); err != nil {
			return err
		}
	}
	number, err := c.u32()
	if err != nil {
		return err
	}
	offset, err := c.u64()
	if err != nil {
		return err
	}
	if offset > uint64(t.part.size) {
		return fmt.Errorf("offset %d lies behind the file: %w", offset, ErrFormat)
	}
	t.Type, t.at = quant.Type(number), int64(offset)
	return t.measure(shape)
}

// measure sets elements and bytes from a shape.
func (t *Tensor) measure(shape []uint64) error {
	elems, bytes, err := t.Type.Block()
	if err != nil {
		return err
	}
	total := uint64(1)
	for _, d := range shape {
		high, low := bits.Mul64(total, d)
		if total = low; d == 0 || high != 0 || low > maxElems {
			return fmt.Errorf("shape %v, want 1 to 2^48 elements: %w", shape, ErrFormat)
		}
		t.Dims = append(t.Dims, int(d))
	}
	if t.Dims[0]%elems != 0 {
		return fmt.Errorf("rows of %d are no multiple of the %d elements of a %s block: %w", t.Dims[0], elems, t.Type, ErrFormat)
	}
	t.elems = int(total)
	t.bytes = int64(t.elems/elems) * int64(bytes)
	return nil
}

// place checks the offsets, counted from the first aligned byte at or behind
// header, and sorts the tensors by them.
func (p *part) place(header int64) error {
	align, err := p.alignment()
	if err != nil {
		return err
	}
	start := (header + int64(align) - 1) / int64(align) * int64(align)
	for _, t := range p.tensors {
		if t.at%int64(align) != 0 {
			return fmt.Errorf("tensor %s: offset %d is no multiple of the alignment %d: %w", quote(t.Name), t.at, align, ErrFormat)
		}
		t.at += start
		if t.bytes > p.size || t.at > p.size-t.bytes {
			return fmt.Errorf("tensor %s: %d bytes at %d end behind the file, it is damaged or cut short: %w", quote(t.Name), t.bytes, t.at, ErrFormat)
		}
	}
	slices.SortStableFunc(p.tensors, func(a, b *Tensor) int { return cmp.Compare(a.at, b.at) })
	for i, t := range p.tensors[min(1, len(p.tensors)):] {
		if before := p.tensors[i]; before.at+before.bytes > t.at {
			return fmt.Errorf("tensors %s and %s overlap: %w", quote(before.Name), quote(t.Name), ErrFormat)
		}
	}
	return nil
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
		return nil, fmt.Errorf("gguf: %s: tensor %q has shape %v, want %v: %w", t.part.path, name, t.Dims, dims, ErrTensor)
	}
	return t, nil
}
