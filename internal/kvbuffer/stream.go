package kvbuffer

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend"
)

// none is the token of a cell whose row is not in the sequence.
const none = -1

// stream are the cells of a stream: which of them are tokens of its sequence.
type stream struct {
	number int
	raw    bool // attention is computed from memory for good
	dirty  bool // memory was written
	seq    *backend.Sequence

	order    []int32  // the cell of each token, those of the step that is open included
	token    []int32  // the token of each cell, none
	sees     []uint16 // the row of a mask that sees all tokens
	position []int32  // of the token whose row a cell has, as far as is known
	kept     []bool   // cells whose rows in memory may be wanted
	hidden   []bool   // of these, rows that left the sequence because a mask hid them
	step     *step    // nil: none is open
	mean     mean     // taken out of the keys of the sequence
	rebuilt  int      // times that tokens went and later ones stayed

	unchanged int // first tokens that are those at the end of the last step
}

// step are tokens that not all layers have yet.
type step struct {
	cells []int32
	have  []int // by layer, tokens appended
	left  int   // layers that do not have all
}

func newStream(number, cells int) *stream {
	s := &stream{number: number, token: make([]int32, cells), sees: make([]uint16, cells),
		position: make([]int32, cells), kept: make([]bool, cells), hidden: make([]bool, cells)}
	s.empty()
	return s
}

// empty forgets all tokens and rows.
func (s *stream) empty() {
	for i := range s.token {
		s.token[i], s.sees[i], s.position[i] = none, unseen, int32(i)
	}
	clear(s.kept)
	clear(s.hidden)
	s.order, s.step, s.unchanged = s.order[:0], nil, 0
}

// add makes cells the next tokens.
func (s *stream) add(cells []int32) {
	for _, c := range cells {
		s.token[c], s.sees[c] = int32(len(s.order)), seen
		s.kept[c], s.hidden[c] = false, false
		s.order = append(s.order, c)
	}
}

// cut forgets the tokens from one on.
func (s *stream) cut(from int) {
	for _, c := range s.order[from:] {
		s.token[c], s.sees[c] = none, unseen
	}
	s.order = s.order[:from]
	s.unchanged = min(s.unchanged, from)
}

// numberBatch gives a batch the positions behind those of the tokens.
func (s *stream) numberBatch(cells []int32) {
	next := int32(0)
	if n := len(s.order); n > 0 {
		next = s.position[s.order[n-1]] + 1
	}
	for i, c := range cells {
		s.position[c] = next + int32(i)
	}
}

// firstToken is the first token whose cell is one of from..to-1; ok is false where none is.
func (s *stream) firstToken(from, to int) (token int, ok bool) {
	token = len(s.order)
	for _, t := range s.token[from:to] {
		if t != none && int(t) < token {
			token = int(t)
		}
	}
	return token, token < len(s.order)
}

// fits tells whether the last n tokens see, by their masks, the tokens up to their own.
// row is room for a row.
func (s *stream) fits(m Mask, n int, row []uint16) bool {
	if n > len(s.order) || slices.Contains(s.sees[m.Cells:], seen) {
		return false
	}
	row = row[:m.Cells]
	copy(row, s.sees)
	last := s.order[len(s.order)-n:]
	for _, c := range last[1:] {
		row[c] = unseen
	}
	for i, c := range last {
		row[c] = seen
		if !equal(row, m.row(i)) {
			return false
		}
	}
	return true
}
