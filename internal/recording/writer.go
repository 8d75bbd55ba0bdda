package recording

import (
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

// A file is a row of zstd frames, so that `zstd -dc` gives its CBOR items. Each frame is
// a block, and a skippable frame before it has its length and CRC-32C.
const (
	skippable   = 0x184D2A50 // magic number of a skippable frame
	prefixBytes = 16         // of such a frame: magic number, 8, length, checksum
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blockSteps and blockBytes are when a block is written: a process that is killed loses
// no more.
const (
	blockSteps = 16
	blockBytes = 1 << 18
)

// Writer writes a recording. The first error stays, and Close returns it.
type Writer struct {
	out   io.Writer
	file  *os.File // nil: not ours
	zstd  *zstd.Encoder
	block bytes.Buffer
	steps int // in block
	err   error
}

// Create makes a file, or empties one. Close closes it.
func Create(path string, h Header) (*Writer, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	w, err := NewWriter(f, h)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w.file = f
	return w, nil
}

// NewWriter writes the header.
func NewWriter(out io.Writer, h Header) (*Writer, error) {
	h.Format, h.Version = Format, Version
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	w := &Writer{out: out, zstd: z}
	w.put(h)
	w.Flush()
	return w, w.err
}

// put adds an item to the block.
func (w *Writer) put(v any) {
	if w.err == nil {
		w.err = wrap(cbor.MarshalToBuffer(v, &w.block))
	}
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("recording: %w", err)
}

// Step adds a step.
func (w *Writer) Step(s *Step) {
	w.put(item{Step: s})
	if w.steps++; w.steps == blockSteps || w.block.Len() >= blockBytes {
		w.Flush()
	}
}

// End closes the recording of a run that came to its end.
func (w *Writer) End(e *End) { w.put(item{End: e}) }

// Flush writes the block so far.
func (w *Writer) Flush() {
	if w.err != nil || w.block.Len() == 0 {
		return
	}
	frame := w.zstd.EncodeAll(w.block.Bytes(), make([]byte, prefixBytes, prefixBytes+w.block.Len()/2))
	for i, word := range []uint32{skippable, 8, uint32(len(frame) - prefixBytes), crc32.Checksum(frame[prefixBytes:], castagnoli)} {
		binary.LittleEndian.PutUint32(frame[4*i:], word)
	}
	_, err := w.out.Write(frame)
	w.err = wrap(err)
	w.block.Reset()
	w.steps = 0
}

// Close writes what is left and returns the first error.
func (w *Writer) Close() error {
	w.Flush()
	err := errors.Join(w.err, wrap(w.zstd.Close()))
	if w.file != nil {
		err = errors.Join(err, wrap(w.file.Close()))
		w.file = nil
	}
	return err
}
