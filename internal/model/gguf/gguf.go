// Package gguf reads GGUF model files: typed metadata, and tensors whose rows
// are read from the file and expanded to f32 as they are used.
//
// It is the trust boundary to files from anywhere: every count, length and
// offset is checked against a limit and the file's size before anything is
// allocated for it, and every error names the file, the key or tensor, and the
// limit. Little-endian files of versions 2 and 3 are read, whole or split.
//
// Weights are read with positioned reads, through the system's page cache,
// rather than mapped: a file that is cut short or whose disk fails while it is
// in use gives an error, where a mapping ends the process, and neither the
// process's memory nor its address space grows by the size of the file.
package gguf

import (
	"errors"
	"fmt"
	"io"
	"os"
)

var (
	// ErrFormat says that the file is damaged, cut short, or no GGUF file.
	ErrFormat = errors.New("not a usable GGUF file")
	// ErrKey says that a metadata value is missing or has the wrong type.
	ErrKey = errors.New("unusable metadata")
	// ErrTensor says that a tensor is missing or has the wrong shape.
	ErrTensor = errors.New("unusable tensor")
	// ErrFinite says that a weight is NaN or infinite.
	ErrFinite = errors.New("weights are not finite")
)

// File is an open model: one GGUF file or all parts of a split one. It is safe
// for concurrent reading.
type File struct {
	path    string
	parts   []*part
	meta    map[string]value
	tensors map[string]*Tensor
}

// Open reads the headers of the file at path, and of the other parts where it
// is one of a split model, and checks every tensor's place. Errors wrap os
// errors, ErrFormat, ErrKey or quant.ErrType.
func Open(path string) (*File, error) {
	f := &File{path: path}
	if err := f.open(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) open() error {
	first, err := openPart(f.path)
	if err != nil {
		return err
	}
	f.parts = []*part{first}
	s, err := first.split()
	if err != nil {
		return err
	}
	if s.count > 1 {
		if err := f.openParts(s); err != nil {
			return err
		}
	}
	f.meta = f.parts[0].meta
	return f.index()
}

// index joins the tensors of all parts.
func (f *File) index() error {
	f.tensors = map[string]*Tensor{}
	for _, p := range f.parts {
		for _, t := range p.tensors {
			if other := f.tensors[t.Name]; other != nil {
				return fmt.Errorf("gguf: %s: tensor %q is also in %s: %w", p.path, t.Name, other.part.path, ErrFormat)
			}
			f.tensors[t.Name] = t
		}
	}
	return nil
}

// Close releases the file; tensors cannot be read after it.
func (f *File) Close() error {
	var errs []error
	for _, p := range f.parts {
		if p.file != nil {
			errs = append(errs, p.file.Close())
		}
	}
	f.parts = nil
	return errors.Join(errs...)
}

// Path returns the path given to Open.
func (f *File) Path() string { return f.path }

// Paths returns the paths of all parts in their order.
func (f *File) Paths() []string {
	var paths []string
	for _, p := range f.parts {
		paths = append(paths, p.path)
	}
	return paths
}

// part is one GGUF file.
type part struct {
	path    string
	file    *os.File // nil where data is not a file
	data    io.ReaderAt
	size    int64
	meta    map[string]value
	tensors []*Tensor // by place in the file
}

// openPart opens and reads one file. What is no file is not opened: a pipe would
// wait for its writer.
func openPart(path string) (*part, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("gguf: %s: no regular file: %w", path, ErrFormat)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	p := &part{path: path, file: file, data: file, size: info.Size()}
	if err := p.read(); err != nil {
		file.Close()
		return nil, err
	}
	return p, nil
}

// read reads and checks the header.
func (p *part) read() error {
	c := newCursor(p.data, p.size)
	if err := p.header(c); err != nil {
		return fmt.Errorf("gguf: %s (%d bytes): %w", p.path, p.size, err)
	}
	return nil
}
