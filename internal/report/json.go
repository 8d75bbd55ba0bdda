package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteJSON writes v, indented, to the file at path: whole, or not at all. A
// path that is there and no regular file (a link, a pipe, a terminal) is
// written through, not replaced.
func WriteJSON(path string, v any) error { return writeJSON(path, v, "  ") }

func writeJSON(path string, v any, indent string) error {
	var data bytes.Buffer
	if err := encode(&data, v, indent); err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	return WriteFile(path, data.Bytes())
}

// WriteFile writes a file as WriteJSON does.
func WriteFile(path string, data []byte) error {
	write := replace
	if through(path) {
		write = func(path string, data []byte) error { return os.WriteFile(path, data, 0o644) }
	}
	if err := write(path, data); err != nil {
		return fmt.Errorf("report: %s: %w", path, cause(err))
	}
	return nil
}

// Writable says, before the work is done, why WriteJSON could not write to path.
func Writable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("report: %s: is a folder", path)
	case through(path):
		return nil
	}
	f, err := stage(path)
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, cause(err))
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

func through(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && !info.Mode().IsRegular()
}

// stage opens a temporary file that can be renamed to path.
func stage(path string) (*os.File, error) { return os.CreateTemp(filepath.Dir(path), ".qaqvk-*") }

func replace(path string, data []byte) error {
	f, err := stage(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func encode(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(w)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Print writes v as indented JSON.
func Print(w io.Writer, v any) error {
	if err := encode(w, v, "  "); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// cause drops the name of the temporary file, which says nothing to the reader.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
