package gguf

import (
	"fmt"
	"sync"

	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// buffers hold the bytes of rows as they are read from the file.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Rows reads rows of Dims[0] elements from the given one on and expands them
// into dst, a whole number of rows. The error names file and tensor.
func (t *Tensor) Rows(dst []float32, first int) error {
	row := t.Dims[0]
	if len(dst)%row != 0 || first < 0 || first > (t.elems-len(dst))/row {
		return fmt.Errorf("gguf: %s: tensor %s: %d elements from row %d on, rows of %d, %d elements in all", t.part.path, quote(t.Name), len(dst), first, row, t.elems)
	}
	return t.use(int64(first)*t.rowBytes(), int64(len(dst)/row)*t.rowBytes(), func(src []byte) error {
		return quant.Expand(dst, src, t.Type)
	})
}

func (t *Tensor) rowBytes() int64 { return t.bytes / int64(t.elems/t.Dims[0]) }

// use reads n bytes of the tensor from offset on and calls f with them.
func (t *Tensor) use(offset, n int64, f func(src []byte) error) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if int64(cap(*buffer)) < n {
		*buffer = make([]byte, n)
	}
	src := (*buffer)[:n]
	if _, err := t.part.data.ReadAt(src, t.at+offset); err != nil {
		return fmt.Errorf("gguf: %s: tensor %s: %d bytes at %d: %w", t.part.path, quote(t.Name), n, t.at+offset, err)
	}
	if err := f(src); err != nil {
		return fmt.Errorf("gguf: %s: tensor %s: %w", t.part.path, quote(t.Name), err)
	}
	return nil
}

// checkBytes is about how much CheckFinite reads at once.
const checkBytes = 1 << 20

// CheckFinite reads the whole tensor; NaN or infinite weights are ErrFinite.
func (t *Tensor) CheckFinite() error {
	elems, size, err := t.Type.Block()
	if err != nil {
		return err
	}
	step := int64(checkBytes / size * size)
	for at := int64(0); at < t.bytes; at += step {
		err := t.use(at, min(step, t.bytes-at), func(src []byte) error {
			i, x := quant.NotFinite(src, t.Type)
			if i < 0 {
				return nil
			}
			return fmt.Errorf("element %d is %v: %w", at/int64(size)*int64(elems)+int64(i), x, ErrFinite)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
