package kvbuffer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/qaqvk/qaqvk/backend"
)

// scratch is room that calls use again.
type scratch struct {
	row   []uint16
	cells []int32
	rows  [2][]byte
	zeros []byte
	less  []byte
}

func grown(b *[]byte, n int) []byte {
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	return (*b)[:n]
}

// toMemory brings all rows of a stream to memory and drops its sequence.
func (b *Buffer) toMemory(s *stream) error {
	if s.seq == nil {
		return nil
	}
	if err := b.finishStep(s); err != nil {
		return err
	}
	if err := b.copyOut(s, 0); err != nil {
		return err
	}
	return b.drop(s)
}

// drop forgets the tokens of a stream.
func (b *Buffer) drop(s *stream) error {
	s.cut(0)
	s.mean, s.step = mean{}, nil
	if s.seq == nil {
		return nil
	}
	err := s.seq.Drop()
	s.seq = nil
	return err
}

// copyOut writes the rows of the tokens from one on to memory.
func (b *Buffer) copyOut(s *stream, from int) error {
	n := s.seq.Tokens() - from
	if n <= 0 {
		return nil
	}
	for layer := range b.layout.tensors {
		if err := b.copyLayer(s, layer, from, from+n); err != nil {
			return err
		}
	}
	b.counts.ToMemory += int64(n)
	return nil
}

// copyLayer writes the rows of some tokens of a layer to memory.
func (b *Buffer) copyLayer(s *stream, layer, from, to int) error {
	if from == to {
		return nil
	}
	k, err := b.read(s, layer, key, from, to)
	if err != nil {
		return err
	}
	v := b.scratch.rows[value]
	for i, c := range s.order[from:to] {
		copy(b.row(layer, key, s, c), k[i*b.layout.row:])
		copy(b.row(layer, value, s, c), v[i*b.layout.row:])
		s.kept[c] = true
	}
	s.dirty = true
	return nil
}

// row is the row of a cell in memory.
func (b *Buffer) row(layer, kind int, s *stream, cell int32) []byte {
	return b.mem[b.layout.at(layer, kind, s.number, int(cell)):][:b.layout.row]
}

// finishStep ends a step that not all layers have, because a graph was given up or
// something else than attention comes between: the rows that there are go to memory.
func (b *Buffer) finishStep(s *stream) error {
	p := s.step
	if p == nil {
		return nil
	}
	s.step = nil
	for layer, have := range p.have {
		if missing := len(p.cells) - have; missing > 0 {
			zeros := grown(&b.scratch.zeros, missing*b.layout.row)
			if err := s.seq.Append(layer, backend.RowsBytes(backend.F16, zeros), backend.RowsBytes(backend.F16, zeros)); err != nil {
				return err
			}
		}
	}
	if err := b.endStep(s); err != nil {
		return err
	}
	from := len(s.order) - len(p.cells)
	for layer, have := range p.have {
		if err := b.copyLayer(s, layer, from, from+have); err != nil {
			return err
		}
	}
	return b.rollback(s, from)
}

// endStep ends a step that all layers have. What a later step does for it is no error.
func (b *Buffer) endStep(s *stream) error {
	err := s.seq.Step(context.Background())
	if errors.Is(err, backend.ErrDeferred) && !errors.Is(err, backend.ErrBudget) {
		b.say("%v", err)
		return nil
	}
	return err
}

// rollback leaves the first tokens of a stream. Where the cache does not have the rows
// that it needs for this in full precision, those that it has are appended anew.
func (b *Buffer) rollback(s *stream, to int) error {
	n := len(s.order) - to
	if n == 0 {
		return nil
	}
	b.counts.Rolled += int64(n)
	err := s.seq.Rollback(n)
	if err == nil {
		s.cut(to)
		if to == 0 {
			s.mean = mean{}
		}
		return nil
	}
	if !errors.Is(err, backend.ErrRollback) {
		return err
	}
	first, unchanged := append([]int32(nil), s.order[:to]...), min(s.unchanged, to)
	if err := b.copyOut(s, 0); err != nil {
		return err
	}
	if err := b.drop(s); err != nil {
		return err
	}
	if err := b.absorb(s, first); err != nil {
		return err
	}
	s.unchanged = unchanged
	return nil
}

// absorb appends rows of memory.
func (b *Buffer) absorb(s *stream, cells []int32) error {
	b.takeMean(s, cells)
	for len(cells) > 0 {
		n := min(len(cells), b.shape.StepTokens)
		if err := b.absorbStep(s, cells[:n]); err != nil {
			return err
		}
		cells = cells[n:]
	}
	return nil
}

func (b *Buffer) absorbStep(s *stream, cells []int32) error {
	if err := b.begin(s); err != nil {
		return err
	}
	size := len(cells) * b.layout.row
	k, v := grown(&b.scratch.rows[key], size), grown(&b.scratch.rows[value], size)
	for layer := range b.layout.tensors {
		for i, c := range cells {
			copy(k[i*b.layout.row:], b.row(layer, key, s, c))
			copy(v[i*b.layout.row:], b.row(layer, value, s, c))
		}
		less := b.lessMean(s, layer, len(s.order), k)
		if err := s.seq.Append(layer, backend.RowsBytes(backend.F16, less), backend.RowsBytes(backend.F16, v)); err != nil {
			return err
		}
	}
	if err := b.endStep(s); err != nil {
		return err
	}
	s.add(cells)
	b.counts.Absorbed += int64(len(cells))
	return nil
}

// begin makes the sequence of a stream that has none.
func (b *Buffer) begin(s *stream) (err error) {
	if s.seq == nil {
		s.seq, err = b.cache.NewSequence()
	}
	return err
}

// giveBack gives the memory of a stream back to the system, if nothing in it is wanted.
func (b *Buffer) giveBack(s *stream) error {
	if !s.dirty || slices.Contains(s.kept, true) {
		return nil
	}
	s.dirty = false
	for layer := range b.layout.tensors {
		for kind := range 2 {
			at := b.layout.at(layer, kind, s.number, 0)
			if err := b.release(at, at+b.layout.streamBytes()); err != nil {
				return err
			}
		}
	}
	return nil
}

// release gives the whole pages of a range back to the system; they are zero then.
func (b *Buffer) release(from, to int) error {
	page := os.Getpagesize()
	from, to = (from+page-1)/page*page, to/page*page
	if from >= to {
		return nil
	}
	if err := syscall.Madvise(b.mem[from:to], syscall.MADV_DONTNEED); err != nil {
		return fmt.Errorf("kvbuffer: give %d bytes back: %w", to-from, err)
	}
	return nil
}
