package kvbuffer

import (
	"github.com/qaqvk/qaqvk/backend"
)

// Add tells of a tensor of the buffer.
func (b *Buffer) Add(t Tensor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, t)
}

// Get reads bytes of the buffer.
func (b *Buffer) Get(at int, out []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.settleAll(); err != nil {
		return err
	}
	copy(out, b.mem[at:at+len(out)])
	if b.layout == nil {
		return nil
	}
	for _, p := range b.layout.parts(at, at+len(out)) {
		if err := b.overlay(p, at, out); err != nil {
			return err
		}
	}
	return nil
}

// overlay writes the rows that lie in the sequence of a part over what memory had.
func (b *Buffer) overlay(p part, at int, out []byte) error {
	s := b.streams[p.stream]
	from, to := b.layout.cellsOf(p)
	first, last := len(s.order), -1
	for _, t := range s.token[from:to] {
		if t != none {
			first, last = min(first, int(t)), max(last, int(t))
		}
	}
	if last < 0 {
		return nil
	}
	rows, err := b.read(s, p.layer, p.kind, first, last+1)
	if err != nil {
		return err
	}
	begin, row := b.layout.at(p.layer, p.kind, s.number, 0), b.layout.row
	for t := first; t <= last; t++ {
		cell := begin + int(s.order[t])*row
		lo, hi := max(cell, at), min(cell+row, at+len(out))
		if lo < hi {
			copy(out[lo-at:hi-at], rows[(t-first)*row+lo-cell:])
		}
	}
	return nil
}

// read returns rows of tokens, K or V.
func (b *Buffer) read(s *stream, layer, kind, from, to int) ([]byte, error) {
	size := (to - from) * b.layout.row
	k, v := grown(&b.scratch.rows[key], size), grown(&b.scratch.rows[value], size)
	err := s.seq.ReadRange(layer, from, to, backend.RowsBytes(backend.F16, k), backend.RowsBytes(backend.F16, v))
	b.plusMean(s, layer, k)
	return [2][]byte{k, v}[kind], err
}

// Set writes bytes of the buffer. write does so in memory.
func (b *Buffer) Set(at, n int, write func(to []byte)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.overwrite(at, n); err != nil {
		return err
	}
	write(b.mem[at : at+n])
	return nil
}

// overwrite makes bytes of the buffer ones that count in memory.
func (b *Buffer) overwrite(at, n int) error {
	if err := b.settleAll(); err != nil || b.layout == nil {
		return err
	}
	for _, p := range b.layout.parts(at, at+n) {
		s := b.streams[p.stream]
		from, to := b.layout.cellsOf(p)
		if t, ok := s.firstToken(from, to); ok {
			if err := b.moveOut(s, t); err != nil {
				return err
			}
		}
		for c := from; c < to; c++ {
			s.kept[c], s.hidden[c], s.position[c] = true, false, int32(c)
		}
		s.dirty = true
	}
	return nil
}

// moveOut brings the tokens from one on to memory.
func (b *Buffer) moveOut(s *stream, from int) error {
	if err := b.copyOut(s, from); err != nil {
		return err
	}
	return b.rollback(s, from)
}

// Expose brings the rows that bytes of the buffer take to memory, for one who reads
// them there; where written is true, for one who also writes them.
func (b *Buffer) Expose(at, n int, written bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.settleAll(); err != nil || b.layout == nil {
		return err
	}
	for _, p := range b.layout.parts(at, at+n) {
		s := b.streams[p.stream]
		if err := b.toMemory(s); err != nil {
			return err
		}
		from, to := b.layout.cellsOf(p)
		for c := from; c < to && written; c++ {
			s.kept[c] = true
		}
		s.dirty = s.dirty || written
	}
	return nil
}

// Clear makes all rows zero.
func (b *Buffer) Clear() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.copying = nil
	for i := range b.waiting {
		b.waiting[i] = [2]rows{}
	}
	for _, s := range b.streams {
		if err := b.drop(s); err != nil {
			return err
		}
		s.empty()
		s.raw, s.dirty, s.rebuilt = false, false, 0
	}
	clearEdges(b.mem)
	return b.release(0, len(b.mem))
}

// Shift tells that the keys of a stream in a tensor are about to be turned, each by as
// many positions as its cell's shift says. Their rows are in memory then.
func (b *Buffer) Shift(at, stream int, shift []int32) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.settleAll(); err != nil || b.layout == nil {
		return err
	}
	s := b.streams[stream]
	if err := b.toMemory(s); err != nil {
		return err
	}
	layer, _, _ := b.layout.find(at)
	for c, by := range shift {
		if layer == 0 {
			s.position[c] += by
		}
	}
	return nil
}

// settleAll leaves nothing waiting or half copied.
func (b *Buffer) settleAll() error {
	b.prepare()
	if b.layout == nil {
		return nil
	}
	if err := b.settle(); err != nil {
		return err
	}
	for _, s := range b.streams {
		if err := b.finishStep(s); err != nil {
			return err
		}
	}
	return b.flushAll()
}
