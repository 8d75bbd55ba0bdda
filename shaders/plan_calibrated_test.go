package shaders

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A table that pages share has one place in a plan.
func TestPlansOfRecords(t *testing.T) {
	of := tables()
	n := uint32(of.TableWords())
	plan := PackRecordsPlan([]RecordPackJob{{Slot: 0, Rows: 4, Page: 100}, {Slot: 9, Rows: 8, Page: 200}},
		[][]uint8{{0, 1, 9, Unquantizable, 0, 0, 0, 0, 0}, {Raw}}, []*Tables{of, of})
	assert.Equal(t, []uint32{0, 4, 100, 14 + n, 60, 1, 14, 9, 8, 200, 16 + n, 48, 0, 14}, plan[:14])
	assert.Equal(t, of.Words()[:n], plan[14:14+n])
	assert.Equal(t, []uint32{0xf910, 0, 15}, plan[14+n:])
	levels := make([]uint8, 9)
	assert.Equal(t, -1, UnpackLevels(plan[14+n:], levels))
	assert.Equal(t, []uint8{0, 1, 9, Raw, 0, 0, 0, 0, 0}, levels)
	assert.Equal(t, 1, UnpackLevels([]uint32{0xa9}, levels[:2]))
	rewrite := RewriteRecordsPlan([]RecordRewriteJob{{From: 1, To: 2, Supply: 3}}, [][]uint8{{1}}, []*Tables{of})
	assert.Equal(t, []uint32{1, 2, 6 + n, 9, 3, 6}, rewrite[:6])
	encode := EncodeRecordsPlan([]RecordEncodeJob{{At: 5}, {At: 6}}, [][]float32{{1, 2}, {3, 4}})
	f := math.Float32bits
	assert.Equal(t, []uint32{5, 4, 6, 6, f(1), f(2), f(3), f(4)}, encode)
	assert.Equal(t, []uint32{5, 6, 3}, DecodeRecordsPlan([]RecordDecodeJob{{Page: 5, Rows: 6}}, nil))
}
