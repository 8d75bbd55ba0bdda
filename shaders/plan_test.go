package shaders

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRulePlan(t *testing.T) {
	plan := RulePlan([]uint32{40, 80}, [][]float32{{1, 2}, {3, 4}})
	f := math.Float32bits
	assert.Equal(t, []uint32{40, 4, 80, 6, f(1), f(2), f(3), f(4)}, plan)
	assert.Equal(t, RuleJob{80, 6}, ParseRuleJob(plan[RuleJobWords:]))
}

// Jobs first, then the bits words of pages, to which the jobs point.
func TestPlansOfPages(t *testing.T) {
	l := Layout{Type: TypeF16, HeadDim: 64, Rows: 1}
	bits := [][]uint8{{0, 1, 2, 3, 4, 5, 6, 7, Unquantizable}, {Raw, 3, 3, 3, 3, 3, 3, 3, 3}}
	sizes := []uint32{16, 16} // header, bits and ranges, padded
	sizes[0] += 2*(1+2+3+4+5+6+7) + 32
	sizes[1] += 32 + 8*6
	plan := l.PackPlan([]PackJob{{Slot: 0, Page: 100}, {Slot: 9, Page: 200}}, bits)
	assert.Equal(t, []uint32{0, 100, 10, sizes[0], 1, 9, 200, 12, sizes[1], 0,
		0x76543210, 0xf, 0x3333333f, 3}, plan)
	assert.Equal(t, []uint32{1, 2, 8, sizes[0], 3, 4, 10, sizes[1], 0x76543210, 0xf, 0x3333333f, 3},
		l.RepackPlan([]RepackJob{{From: 1, To: 2}, {From: 3, To: 4}}, bits))
	assert.Equal(t, []uint32{1, 2, 10, sizes[0], 7, 3, 4, 12, sizes[1], 8, 0x76543210, 0xf, 0x3333333f, 3},
		l.PromotePlan([]PromoteJob{{From: 1, To: 2, Supply: 7}, {From: 3, To: 4, Supply: 8}}, bits))
}

func TestBitsAsEncodeReportsThem(t *testing.T) {
	bits := BitsOf([]uint32{0, 8, 16, 32, 32})
	assert.Equal(t, []uint8{0, 8, Raw, Unquantizable, Unquantizable}, bits)
	assert.Equal(t, 2, Failed(bits))
}

func TestAppendJobs(t *testing.T) {
	assert.Equal(t, []uint32{9, 1, 2, 3, 4}, AppendJobs([]uint32{9}, DecodeJob{1, 2}, DecodeJob{3, 4}))
}
