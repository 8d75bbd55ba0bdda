package gguf

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	minHeader    = 24 // magic, version, two counts
	minEntry     = 13 // key length, type, one byte
	minTensor    = 32 // name length, dimensions, one dimension, type, offset
	maxKey       = 1<<16 - 1
	maxAlign     = 1 << 20
	defaultAlign = 32
)

// header reads everything before the tensors' data.
func (p *part) header(c *cursor) error {
	if p.size < minHeader {
		return fmt.Errorf("a header has at least %d bytes: %w", minHeader, ErrFormat)
	}
	if err := readVersion(c); err != nil {
		return err
	}
	tensors, err := c.u64()
	if err != nil {
		return err
	}
	entries, err := c.u64()
	if err != nil {
		return err
	}
	if err := p.readMeta(c, entries); err != nil {
		return err
	}
	return p.readTensors(c, tensors)
}

// readVersion checks magic and version. Big-endian files have the same magic;
// their version's bytes lie in the other order.
func readVersion(c *cursor) error {
	magic, err := c.bytes(4, "bytes")
	if err != nil {
		return err
	}
	if string(magic) != "GGUF" {
		return fmt.Errorf("begins with %q, not with \"GGUF\": %w", magic, ErrFormat)
	}
	v, err := c.u32()
	if err != nil {
		return err
	}
	switch swapped := bits.ReverseBytes32(v); {
	case v == 2 || v == 3:
		return nil
	case v&0xffff == 0 && swapped > 0 && swapped < 1<<16:
		return fmt.Errorf("a big-endian file (version %d): only little-endian files are read: %w", swapped, ErrFormat)
	case v == 1:
		return fmt.Errorf("GGUF version 1 is no longer read (readable: 2, 3): convert the file anew: %w", ErrFormat)
	}
	return fmt.Errorf("GGUF version %d (readable: 2, 3): %w", v, ErrFormat)
}

func (p *part) readMeta(c *cursor, entries uint64) error {
	if err := c.need(entries, minEntry, "metadata entries"); err != nil {
		return err
	}
	p.meta = map[string]value{}
	for i := range entries {
		key, err := c.text(maxKey)
		if err != nil {
			return fmt.Errorf("key of metadata entry %d of %d: %w", i, entries, err)
		}
		if _, twice := p.meta[key]; twice {
			return fmt.Errorf("key %s appears twice: %w", quote(key), ErrFormat)
		}
		v, err := c.value()
		if err != nil {
			return fmt.Errorf("key %s: %w", quote(key), err)
		}
		p.meta[key] = v
	}
	return nil
}

// alignment returns the multiple of bytes at which tensors begin.
func (p *part) alignment() (uint64, error) {
	const key = "general.alignment"
	v, ok := p.meta[key]
	if !ok {
		return defaultAlign, nil
	}
	if v.kind != kindUint32 {
		return 0, fmt.Errorf("%s is of type %s, want uint32: %w", key, v.kind, ErrFormat)
	}
	n := uint64(binary.LittleEndian.Uint32(v.data))
	if n == 0 || n&(n-1) != 0 || n > maxAlign {
		return 0, fmt.Errorf("%s is %d, want a power of two up to %d: %w", key, n, maxAlign, ErrFormat)
	}
	return n, nil
}
