package kvbuffer

import (
	"cmp"
	"slices"
)

// Reasons for attention from memory.
const (
	notCausal = "masks are not those of a text, token after token"
	shared    = "several texts share the cells of a stream (kv_unified)"
	windowed  = "masks hide tokens between others (a sliding window)"
)

// mostRebuilt is how often tokens between others may go before a stream is taken for one
// with a sliding window: each time that a context is full is one.
const mostRebuilt = 8

// plan makes the tokens of a stream those that the first query of a batch sees, and
// opens a step for the batch. The reason is "" where that can be done; then the
// masks of the batch fit.
func (b *Buffer) plan(s *stream, m Mask, batch []int32) (reason string, err error) {
	row := m.row(0)
	if !plain(row) || !m.nested(batch, b.scratchRow()) {
		return notCausal, nil
	}
	if err := b.finishStep(s); err != nil {
		return "", err
	}
	for cell, x := range row {
		if x == seen && s.hidden[cell] && cell != int(batch[0]) {
			return shared, nil
		}
	}
	stay := s.seenFirst(row, batch[0])
	if reason := s.countRebuilt(row, batch[0], stay); reason != "" {
		return reason, nil
	}
	if err := b.leave(s, row, batch, stay); err != nil {
		return "", err
	}
	if err := b.take(s, row, batch[0]); err != nil {
		return "", err
	}
	return "", b.open(s, batch)
}

func (b *Buffer) scratchRow() []uint16 {
	if b.scratch.row == nil {
		b.scratch.row = make([]uint16, b.layout.cells)
	}
	return b.scratch.row
}

// seenFirst is the number of first tokens that a mask shows and a batch does not write.
func (s *stream) seenFirst(row []uint16, first int32) int {
	for t, c := range s.order {
		if int(c) >= len(row) || row[c] != seen || c == first {
			return t
		}
	}
	return len(s.order)
}

// countRebuilt counts how often tokens stay behind one that goes.
func (s *stream) countRebuilt(row []uint16, first int32, stay int) (reason string) {
	for _, c := range s.order[stay:] {
		if int(c) < len(row) && row[c] == seen && c != first {
			if s.rebuilt++; s.rebuilt > mostRebuilt {
				return windowed
			}
			return ""
		}
	}
	return ""
}

// leave rolls a stream back to its first tokens. Rows of others that a mask shows go to
// memory, and where texts may share the stream those that it hides too.
func (b *Buffer) leave(s *stream, row []uint16, batch []int32, stay int) error {
	gone := slices.Clone(s.order[stay:])
	if len(gone) == 0 {
		return nil
	}
	isSeen := func(c int32) bool { return int(c) < len(row) && row[c] == seen && c != batch[0] }
	wanted := slices.DeleteFunc(slices.Clone(gone), func(c int32) bool {
		return slices.Contains(batch, c) || b.layout.streams > 1 && !isSeen(c)
	})
	if len(wanted) > 0 {
		if err := b.copyOut(s, stay); err != nil {
			return err
		}
	}
	if err := b.rollback(s, stay); err != nil {
		return err
	}
	for _, c := range gone {
		s.kept[c] = slices.Contains(wanted, c)
		s.hidden[c] = s.kept[c] && !isSeen(c)
	}
	return nil
}

// take appends the rows of memory that a mask shows, in the order of their positions.
func (b *Buffer) take(s *stream, row []uint16, first int32) error {
	var cells []int32
	for c, x := range row {
		if x == seen && s.token[c] == none && int32(c) != first {
			cells = append(cells, int32(c))
		}
	}
	if len(cells) == 0 {
		return nil
	}
	slices.SortFunc(cells, func(x, y int32) int {
		return cmp.Or(cmp.Compare(s.position[x], s.position[y]), cmp.Compare(x, y))
	})
	if err := b.absorb(s, cells); err != nil {
		return err
	}
	if b.layout.streams > 1 {
		clear(s.kept) // no mask of a text shows again what one hid
	}
	return nil
}

// open opens a step for a batch.
func (b *Buffer) open(s *stream, batch []int32) error {
	if err := b.begin(s); err != nil {
		return err
	}
	s.numberBatch(batch)
	s.add(batch)
	layers := len(b.layout.tensors)
	s.step = &step{cells: slices.Clone(batch), have: make([]int, layers), left: layers}
	return nil
}
