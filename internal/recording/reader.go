package recording

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
)

// maxBlock are the most bytes of a block, as it lies in the file and unpacked: a step
// of 4,096 tokens has less.
const maxBlock = 1 << 28

// Recording is a file that was read.
type Recording struct {
	Header Header
	Steps  []*Step
	End    *End // nil: the run did not come to its end
}

// Load reads a file. Where it is damaged or ends early behind its header, what comes
// before is returned with the error, which wraps ErrDamaged or ErrTruncated; other
// errors come alone.
func Load(path string) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	defer f.Close()
	r, err := Read(bufio.NewReader(f))
	if err != nil {
		return r, fmt.Errorf("recording: %s: %w", path, err)
	}
	return r, nil
}

// Read reads a recording; see Load.
func Read(in io.Reader) (*Recording, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	d := &decoder{in: in, zstd: z}
	head, err := d.block()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, ErrNoRecording
		}
		return nil, err
	}
	r := &Recording{}
	if err := cbor.Unmarshal(head, &r.Header); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrDamaged)
	}
	if err := r.Header.check(); err != nil {
		return nil, err
	}
	return r, r.read(d)
}

// read reads the blocks behind the header.
func (r *Recording) read(d *decoder) error {
	state := NewState(&r.Header)
	for r.End == nil {
		block, err := d.block()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("after %d tokens: %w", len(state.Tokens), ErrTruncated)
		}
		if err != nil {
			return fmt.Errorf("after %d tokens: %w", len(state.Tokens), err)
		}
		if err := r.take(block, state); err != nil {
			return fmt.Errorf("after %d tokens: block at byte %d: %w: %w", len(state.Tokens), d.began, err, ErrDamaged)
		}
	}
	return nil
}

// take reads the items of a block. Each step is applied to a state, which refuses those
// that no recorder writes.
func (r *Recording) take(block []byte, state *State) error {
	for items := cbor.NewDecoder(bytes.NewReader(block)); ; {
		var i item
		err := items.Decode(&i)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case i.Step != nil:
			if err := state.Apply(i.Step); err != nil {
				return err
			}
			r.Steps = append(r.Steps, i.Step)
		case i.End != nil:
			r.End = i.End
		}
	}
}

// decoder reads blocks.
type decoder struct {
	in        io.Reader
	zstd      *zstd.Decoder
	began, at int64 // the block, and what follows
}

// block is the next block, unpacked; io.EOF: there is none.
func (d *decoder) block() ([]byte, error) {
	d.began = d.at
	var prefix [prefixBytes]byte
	n, err := io.ReadFull(d.in, prefix[:])
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case n >= 4 && binary.LittleEndian.Uint32(prefix[:]) != skippable:
		if d.at == 0 {
			return nil, ErrNoRecording
		}
		return nil, fmt.Errorf("no block at byte %d: %w", d.at, ErrDamaged)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, d.cut()
	case err != nil:
		return nil, err
	}
	length, sum := binary.LittleEndian.Uint32(prefix[8:]), binary.LittleEndian.Uint32(prefix[12:])
	if size := binary.LittleEndian.Uint32(prefix[4:]); size != 8 || length > maxBlock {
		return nil, fmt.Errorf("block at byte %d: %d bytes: %w", d.at, length, ErrDamaged)
	}
	var frame bytes.Buffer
	if _, err := io.CopyN(&frame, d.in, int64(length)); errors.Is(err, io.EOF) {
		return nil, d.cut()
	} else if err != nil {
		return nil, err
	}
	if crc32.Checksum(frame.Bytes(), castagnoli) != sum {
		return nil, fmt.Errorf("block at byte %d: wrong checksum: %w", d.at, ErrDamaged)
	}
	d.at += prefixBytes + int64(length)
	out, err := d.zstd.DecodeAll(frame.Bytes(), nil)
	if err != nil {
		return nil, fmt.Errorf("block at byte %d: %w: %w", d.began, err, ErrDamaged)
	}
	return out, nil
}

// cut is the error of a file that ends within a block.
func (d *decoder) cut() error {
	return fmt.Errorf("within the block at byte %d: %w", d.at, ErrTruncated)
}
