package kvbuffer

import (
	"bytes"
	"unsafe"
)

// Values of a mask, as f16 patterns.
const (
	seen   = 0
	unseen = 0xfc00 // -Inf
)

// Mask says which cells each query of a stream sees: a row of f16 patterns a query.
type Mask struct {
	Values []uint16
	Stride int // values from row to row
	Cells  int // values of a row: later cells are not seen
}

func (m Mask) row(query int) []uint16 { return m.Values[query*m.Stride:][:m.Cells] }

// nested tells whether the queries of a batch see what the first one sees, and the
// cells of the batch up to their own. row is room for a row.
func (m Mask) nested(batch []int32, row []uint16) bool {
	row = row[:m.Cells]
	copy(row, m.row(0))
	if int(batch[0]) >= m.Cells || row[batch[0]] != seen {
		return false
	}
	for i, cell := range batch[1:] {
		if int(cell) >= m.Cells || row[cell] != unseen {
			return false
		}
		row[cell] = seen
		if !equal(row, m.row(i+1)) {
			return false
		}
	}
	return true
}

// plain tells whether a row has no values but the two.
func plain(row []uint16) bool {
	for _, x := range row {
		if x != seen && x != unseen {
			return false
		}
	}
	return true
}

func equal(a, b []uint16) bool { return bytes.Equal(bytesOf(a), bytesOf(b)) }

func bytesOf(x []uint16) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}
