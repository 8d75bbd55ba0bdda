package kvbuffer

import "slices"

// rows are rows of a layer, K or V, that were written and not attended to yet.
type rows struct {
	cells []int64 // of all streams: stream · cells of a stream + cell
	data  []byte
}

// SetRows takes rows of f16 for cells of the tensor that begins at a byte of the
// buffer. convert writes them to where they are to lie; false: they are none for the
// cache, and the caller writes them to memory.
func (b *Buffer) SetRows(at, rowBytes int, cells []int64, convert func(to []byte)) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prepare()
	b.counts.SetRows++
	if b.layout == nil {
		return false, nil
	}
	layer, kind, ok := b.layout.find(at)
	if !ok {
		return false, nil
	}
	if rowBytes != b.layout.row {
		b.say("rows stay in host memory: values lie transposed, flash attention is off")
		return false, b.keepAll()
	}
	if err := b.settle(); err != nil {
		return false, err
	}
	if err := b.flush(layer, kind); err != nil {
		return false, err
	}
	if b.allRaw(cells) {
		b.keep(cells)
		return false, nil
	}
	w := &b.waiting[layer][kind]
	w.cells = append(w.cells[:0], cells...)
	w.data = slices.Grow(w.data[:0], len(cells)*rowBytes)[:len(cells)*rowBytes]
	convert(w.data)
	return true, nil
}

// place is the stream and the cell in it of a cell of all streams.
func (b *Buffer) place(cell int64) (*stream, int) {
	n := int64(b.layout.cells)
	return b.streams[cell/n], int(cell % n)
}

func (b *Buffer) allRaw(cells []int64) bool {
	for _, c := range cells {
		if s, _ := b.place(c); !s.raw {
			return false
		}
	}
	return true
}

// keep notes that the rows of cells in memory are what counts.
func (b *Buffer) keep(cells []int64) {
	for _, c := range cells {
		s, i := b.place(c)
		s.kept[i], s.hidden[i], s.dirty = true, false, true
	}
}

// keepAll brings all rows to memory, for good.
func (b *Buffer) keepAll() error {
	for _, s := range b.streams {
		if err := b.toMemory(s); err != nil {
			return err
		}
		s.raw, s.dirty = true, true
		for i := range s.kept {
			s.kept[i] = true
		}
	}
	return nil
}

// flush writes rows that wait to memory, where their cells are no tokens any more.
func (b *Buffer) flush(layer, kind int) error {
	w := &b.waiting[layer][kind]
	if len(w.cells) == 0 {
		return nil
	}
	cells := w.cells
	w.cells = w.cells[:0]
	for i, c := range cells {
		s, cell := b.place(c)
		if s.token[cell] != none {
			if err := b.toMemory(s); err != nil {
				return err
			}
		}
		row := b.layout.row
		copy(b.mem[b.layout.at(layer, kind, s.number, cell):][:row], w.data[i*row:])
		s.kept[cell], s.hidden[cell], s.dirty = true, false, true
	}
	return nil
}

// flushAll writes all rows that wait to memory.
func (b *Buffer) flushAll() error {
	for layer := range b.waiting {
		for kind := range b.waiting[layer] {
			if err := b.flush(layer, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

// batch returns the cells of a stream whose rows wait in a layer, n of those of an op
// from its query on, and their K and V; ok is false where others wait or none.
func (b *Buffer) batch(s *stream, layer, from, n int) (cells []int32, rows [2][]byte, ok bool) {
	k, v := &b.waiting[layer][key], &b.waiting[layer][value]
	if len(k.cells) < from+n || !slices.Equal(k.cells, v.cells) {
		return nil, rows, false
	}
	b.scratch.cells = b.scratch.cells[:0]
	for _, c := range k.cells[from : from+n] {
		t, cell := b.place(c)
		if t != s {
			return nil, rows, false
		}
		b.scratch.cells = append(b.scratch.cells, int32(cell))
	}
	row := b.layout.row
	return b.scratch.cells, [2][]byte{k.data[from*row : (from+n)*row], v.data[from*row : (from+n)*row]}, true
}
