// Package gguf opens GGUF model files: typed metadata and tensors as f32.
//
// The header is parsed by github.com/gpustack/gguf-parser-go; this package
// checks what the parser leaves open (every tensor lies inside the file, has a
// known type and whole blocks) and turns its panics on odd input into errors.
package gguf

import (
	"errors"
	"fmt"
	"os"

	parser "github.com/gpustack/gguf-parser-go"
)

var (
	// ErrFormat says that the file is damaged, cut short, or no GGUF file.
	ErrFormat = errors.New("not a usable GGUF file")
	// ErrKey says that a metadata value is missing or has the wrong type.
	ErrKey = errors.New("unusable metadata")
	// ErrTensor says that a tensor is missing or has the wrong shape.
	ErrTensor = errors.New("unusable tensor")
)

// File is an open GGUF file. It is safe for concurrent reading.
type File struct {
	path    string
	file    *os.File
	meta    map[string]parser.GGUFMetadataKV
	tensors map[string]*Tensor
}

// Open reads the header of the file at path and checks every tensor's place.
// Errors name the file and wrap os errors, ErrFormat or quant.ErrType.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	f := &File{path: path, file: file}
	if err := f.read(); err != nil {
		file.Close()
		return nil, err
	}
	return f, nil
}

// Close releases the file.
func (f *File) Close() error { return f.file.Close() }

// Path returns the path given to Open.
func (f *File) Path() string { return f.path }

func (f *File) read() error {
	info, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("gguf: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() < 24 {
		return fmt.Errorf("gguf: %s: %d bytes are no GGUF header: %w", f.path, info.Size(), ErrFormat)
	}
	head, err := parse(f.path)
	if err != nil {
		return fmt.Errorf("gguf: %s (%d bytes): %w: %w", f.path, info.Size(), ErrFormat, err)
	}
	f.meta = make(map[string]parser.GGUFMetadataKV, len(head.Header.MetadataKV))
	for _, kv := range head.Header.MetadataKV {
		f.meta[kv.Key] = kv
	}
	return f.index(head.TensorInfos, head.TensorDataStartOffset, info.Size())
}

// parse runs the library, which panics on some damaged headers.
func parse(path string) (head *parser.GGUFFile, err error) {
	defer func() {
		if r := recover(); r != nil {
			head, err = nil, fmt.Errorf("damaged header: %v", r)
		}
	}()
	head, err = parser.ParseGGUFFile(path, parser.UseMMap())
	switch {
	case err != nil:
		return nil, err
	case len(head.SplitSizes) > 1:
		return nil, fmt.Errorf("one of %d parts, split files are not supported", len(head.SplitSizes))
	case head.Header.Magic != parser.GGUFMagicGGUFLe:
		return nil, errors.New("big-endian files are not supported")
	}
	return head, nil
}
