package model

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/internal/model/blas"
	"github.com/qaqvk/qaqvk/internal/model/gguf"
)

// loader plans all reads before it allocates, so that a file whose tensors are
// missing or misshapen, or that does not fit in memory, costs nothing.
type loader struct {
	f        *gguf.File
	matrices []*matrix
	vectors  []vector
	used     map[string]bool
	err      error
}

// vector fills *dst with tensors one behind the other.
type vector struct {
	dst     *[]float32
	tensors []*gguf.Tensor
}

type part struct {
	name string
	rows int
}

// matrix plans to use the parts, each [rows][cols], as one matrix.
func (l *loader) matrix(cols int, parts ...part) *matrix {
	w := &matrix{cols: cols}
	for _, p := range parts {
		w.tensors = append(w.tensors, l.find(p.name, cols, p.rows))
		w.rows += p.rows
	}
	l.matrices = append(l.matrices, w)
	return w
}

// vector plans to read the parts, each [rows], as one vector.
func (l *loader) vector(dst *[]float32, parts ...part) {
	v := vector{dst: dst}
	for _, p := range parts {
		v.tensors = append(v.tensors, l.find(p.name, p.rows))
	}
	l.vectors = append(l.vectors, v)
}

// find returns a tensor and keeps the first error.
func (l *loader) find(name string, dims ...int) *gguf.Tensor {
	t, err := l.f.Tensor(name, dims...)
	if err != nil && l.err == nil {
		l.err = err
	}
	l.used[name] = true
	return t
}

// optional is vector where any of the parts is in the file.
func (l *loader) optional(dst *[]float32, parts ...part) {
	if slices.ContainsFunc(parts, func(p part) bool { return l.f.Lookup(p.name) != nil }) {
		l.vector(dst, parts...)
	}
}

// check fails where tensors are missing or have no use.
func (l *loader) check() error {
	if l.err != nil {
		return l.err
	}
	for _, name := range l.f.Tensors() {
		if !l.used[name] {
			return fmt.Errorf("model: %s: tensor %.100q has no use in the models known here: %w", l.f.Path(), name, ErrUnsupported)
		}
	}
	return nil
}

// measure adds what the plans take to the footprint.
func (l *loader) measure(p *Footprint) {
	for _, w := range l.matrices {
		for _, t := range w.tensors {
			p.Elements += int64(t.Elems())
			p.Stored += t.Bytes()
		}
	}
	for _, v := range l.vectors {
		for _, t := range v.tensors {
			p.Work += 4 * int64(t.Elems())
		}
	}
}

// run reads all vectors, checks all weights, and expands them to f32 where that
// is wanted.
func (l *loader) run(f32 bool) error {
	tasks := make([]func() error, 0, len(l.vectors)+len(l.matrices))
	for _, v := range l.vectors {
		tasks = append(tasks, v.read)
	}
	for _, w := range l.matrices {
		tasks = append(tasks, func() error { return w.load(f32) })
	}
	errs := make([]error, len(tasks))
	blas.Parallel(len(tasks), func(i int) { errs[i] = tasks[i]() })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (v vector) read() error {
	for _, t := range v.tensors {
		if err := t.CheckFinite(); err != nil {
			return err
		}
		at := len(*v.dst)
		*v.dst = append(*v.dst, make([]float32, t.Elems())...)
		if err := t.Rows((*v.dst)[at:], 0); err != nil {
			return err
		}
	}
	return nil
}

func (w *matrix) load(f32 bool) error {
	for _, t := range w.tensors {
		if err := t.CheckFinite(); err != nil {
			return err
		}
	}
	if f32 {
		return w.expand()
	}
	return nil
}
