package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteJSON writes v, indented, to the file at path: whole, or not at all.
func WriteJSON(path string, v any) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".qaqvk-*")
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, cause(err))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("report: %s: %w", path, cause(err))
		}
	}()
	err = encode(f, v)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Print writes v as indented JSON.
func Print(w io.Writer, v any) error {
	if err := encode(w, v); err != nil {
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
