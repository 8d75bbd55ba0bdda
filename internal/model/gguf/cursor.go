package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// maxHeader is the most bytes of metadata and tensor descriptions in a file.
// The largest vocabularies take some 20 MB.
const maxHeader = 256 << 20

// cursor reads little-endian values one behind the other. What it allocates is
// bounded by what is left of the file and of maxHeader.
type cursor struct {
	r    *bufio.Reader
	size int64 // bytes that may be read at all
	at   int64
}

func newCursor(data io.ReaderAt, size int64) *cursor {
	size = min(size, maxHeader)
	return &cursor{r: bufio.NewReaderSize(io.NewSectionReader(data, 0, size), 1<<16), size: size}
}

func (c *cursor) left() uint64 { return uint64(c.size - c.at) }

// need fails unless count things of at least each bytes can follow.
func (c *cursor) need(count, each uint64, things string) error {
	if count <= c.left()/each {
		return nil
	}
	if c.size == maxHeader {
		return fmt.Errorf("%d %s at byte %d: the header is limited to %d bytes: %w", count, things, c.at, int64(maxHeader), ErrFormat)
	}
	return fmt.Errorf("%d %s at byte %d: only %d bytes are left, the file is damaged or cut short: %w", count, things, c.at, c.left(), ErrFormat)
}

// fill reads len(dst) bytes.
func (c *cursor) fill(dst []byte) error {
	if err := c.need(uint64(len(dst)), 1, "bytes"); err != nil {
		return err
	}
	n, err := io.ReadFull(c.r, dst)
	c.at += int64(n)
	if err != nil {
		return fmt.Errorf("byte %d: %w", c.at, err)
	}
	return nil
}

// bytes returns the next n bytes.
func (c *cursor) bytes(n uint64, things string) ([]byte, error) {
	if err := c.need(n, 1, things); err != nil {
		return nil, err
	}
	out := make([]byte, n)
	return out, c.fill(out)
}

func (c *cursor) u32() (uint32, error) {
	var b [4]byte
	err := c.fill(b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}

func (c *cursor) u64() (uint64, error) {
	var b [8]byte
	err := c.fill(b[:])
	return binary.LittleEndian.Uint64(b[:]), err
}

// text returns a string of at most limit bytes, as it stands.
func (c *cursor) text(limit uint64) (string, error) {
	n, err := c.u64()
	if err != nil {
		return "", err
	}
	if n > limit {
		return "", fmt.Errorf("string of %d bytes at byte %d: limit %d: %w", n, c.at, limit, ErrFormat)
	}
	b, err := c.bytes(n, "bytes of a string")
	return string(b), err
}

// quote returns the start of a name from a file, quoted, on one line.
func quote(name string) string {
	const most = 100
	if len(name) > most {
		return strconv.Quote(name[:most]) + "…"
	}
	return strconv.Quote(name)
}
