// Package npy writes matrices of f32 in NumPy's format, row after row, so that a
// matrix need not fit in memory.
package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// Writer writes a matrix [rows][cols] to a file: whole, or not at all.
type Writer struct {
	path       string
	file       *os.File
	out        *bufio.Writer
	rows, cols int
	values     int
}

// Create begins a matrix (format version 1.0, little-endian, C order).
func Create(path string, rows, cols int) (*Writer, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".qaqvk-*")
	if err != nil {
		return nil, fmt.Errorf("npy: %s: %w", path, err)
	}
	w := &Writer{path: path, file: f, out: bufio.NewWriterSize(f, 1<<20), rows: rows, cols: cols}
	_, err = io.WriteString(w.out, header(rows, cols))
	return w, w.named(err)
}

// header has a length that is a multiple of 64, as the format wants it.
func header(rows, cols int) string {
	const magic = "\x93NUMPY\x01\x00"
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, cols)
	pad := 63 - (len(magic)+2+len(dict))%64
	dict += strings.Repeat(" ", pad) + "\n"
	return magic + string(binary.LittleEndian.AppendUint16(nil, uint16(len(dict)))) + dict
}

// Write appends values of the matrix.
func (w *Writer) Write(values []float32) error {
	w.values += len(values)
	var b [4]byte
	for _, v := range values {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		if _, err := w.out.Write(b[:]); err != nil {
			return w.named(err)
		}
	}
	return nil
}

// Close ends the file, which must have all its values.
func (w *Writer) Close() error {
	err := w.out.Flush()
	if err == nil && w.values != w.rows*w.cols {
		err = fmt.Errorf("%d of %d values", w.values, w.rows*w.cols)
	}
	if err == nil {
		err = w.file.Chmod(0o644)
	}
	err = errors.Join(err, w.file.Close())
	if err == nil {
		err = os.Rename(w.file.Name(), w.path)
	}
	if err != nil {
		_ = os.Remove(w.file.Name())
	}
	return w.named(err)
}

// Discard leaves no file; after Close it does nothing.
func (w *Writer) Discard() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

// named names the file in an error, and not the temporary one.
func (w *Writer) named(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("npy: %s: %w", w.path, err)
}
