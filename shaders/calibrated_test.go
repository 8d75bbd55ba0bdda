package shaders

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twoHeads has one more channel of plane 0 a level in its first head, and none in
// the second below level 8.
func twoHeads() Records {
	r := Records{Type: TypeF16, HeadDim: 40, Heads: 2}
	for l := range r.Populations {
		r.Populations[l] = []Population{{l, l / 2}, {}}
	}
	r.Populations[8][1] = Population{40, 40, 33, 1}
	r.Populations[9][1] = Population{40, 40, 40, 40, 40, 40, 40, 40}
	return r
}

func TestSizesOfRecords(t *testing.T) {
	r := twoHeads()
	require.NoError(t, r.Check())
	assert.Equal(t, 7, r.RowBits(5, 0))
	assert.Equal(t, 114, r.RowBits(8, 1))
	assert.Equal(t, []int{0, 1, 4, 11, 40, 40}, []int{r.RecordWords(0), r.RecordWords(1), r.RecordWords(8),
		r.RecordWords(9), r.RecordWords(Raw), r.RecordWords(Unquantizable)})
	assert.Equal(t, 4+2+2+0+1+11+40, r.PageWords([]uint8{0, 1, 9, Raw, 0, 0, 0, 0, 0}))
	assert.Equal(t, 2*2*8, r.CodeWords())
	assert.Equal(t, []int{32, 32, 40, 0, 0, 0}, []int{r.SupplyWords(1, 2), r.SupplyWords(Raw, 3), r.SupplyWords(3, Raw),
		r.SupplyWords(3, 3), r.SupplyWords(4, 3), r.SupplyWords(Raw, Raw)})
}

func TestRecordsOutsideTheContract(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Records)
		want   string
	}{
		{"head dimension", func(r *Records) { r.HeadDim = 36 }, "layout: head dimension 36: must be a multiple of 8 from 32 to 256"},
		{"heads", func(r *Records) { r.Populations[3] = nil }, "records: level 3: populations of 0 heads: must be 2"},
		{"channels", func(r *Records) { r.Populations[9][0][0] = 41 }, "records: level 9 head 0 plane 0: 41 channels: must be 0 to 40"},
		{"planes", func(r *Records) { r.Populations[4][0][2] = 3 }, "records: level 4 head 0 plane 2: 3 channels: must be 0 to 2"},
		{"levels", func(r *Records) { r.Populations[4][0][0] = 2 }, "records: level 4 head 0 plane 0: 2 channels: the level below has 3"},
	} {
		r := twoHeads()
		c.change(&r)
		assert.EqualError(t, r.Check(), c.want, c.name)
	}
}

func tables() *Tables {
	t := &Tables{Records: twoHeads(), Profile: 0xcdef, Layer: 3, Kind: Value}
	t.Magnitudes = [7]uint8{1, 2, 3, 4, 5, 6, 127}
	t.Coefficients = [4]float32{1, 0, -2, 3}
	for k := range t.Thresholds {
		t.Thresholds[k] = float32(k - 127)
	}
	zeros := func() Matrix { return Matrix{make([]int8, 3200), make([]float32, 80)} }
	t.Mean, t.Forward, t.Inverse = make([]float32, 80), zeros(), zeros()
	t.Mean[79], t.Forward.Bytes[0], t.Forward.Bytes[3], t.Inverse.Bytes[3199] = 7, 8, -1, -127
	t.Forward.Scales[1], t.Inverse.Scales[79] = 0x1p-30, 0x1p20
	return t
}

func TestTablesAsKernelsReadThem(t *testing.T) {
	of := tables()
	require.NoError(t, of.Check())
	w := of.Words()
	f := math.Float32bits
	require.Len(t, w, of.AllWords())
	assert.Equal(t, []uint32{0, 1, 1, 1, 1, 1, 1, 1, 4, 11, 0, 0, 0, 0, 0, 40}, w[:16])
	assert.Equal(t, []uint32{0x030201, 0x7f060504, f(1), 0, f(-2), f(3), 0xcdef0007, 0, 0, 0, 0, 0, 0, 0, 0, 0}, w[16:32])
	assert.Equal(t, []uint32{12, 0, 40 | 40<<16, 33 | 1<<16, 0, 0, 0, 0}, w[32+17*8:32+18*8], "level 8, head 1")
	assert.Equal(t, f(-127), w[of.ThresholdsAt()])
	assert.Equal(t, []uint32{f(127), 0, 0}, w[of.MeanAt()-2:of.MeanAt()+1])
	assert.Equal(t, []uint32{f(7), 0, f(0x1p-30)}, w[of.ForwardScalesAt()-1:of.ForwardScalesAt()+2])
	assert.Equal(t, []uint32{f(0x1p15), 0xff000008, 0}, w[of.ForwardAt()-1:of.ForwardAt()+2], "scales of the inverse are over 32")
	assert.Equal(t, uint32(0x81000000), w[of.InverseAt()+799])
	assert.Zero(t, of.AllWords()%64)
	assert.Less(t, of.AllWords(), of.InverseAt()+800+64)
	of.Mean[1] = 1e-30
	assert.EqualError(t, of.Check(), "tables: mean[1]: 1e-30: must be 0 or of 2^-40 to 2^40")
	for _, x := range []float32{1e-30, -1, 1<<20 + 1, float32(math.Inf(1)), float32(math.NaN())} {
		of = tables()
		of.Inverse.Scales[1] = x
		assert.EqualError(t, of.Check(), fmt.Sprintf("tables: inverse, scale 1: %g: must be 0 or of 2^-30 to 2^20", x))
	}
	of = tables()
	of.Forward.Bytes[7] = -128
	assert.EqualError(t, of.Check(), "tables: forward[7]: -128: must be -127 to 127")
	of.Forward.Scales = nil
	assert.EqualError(t, of.Check(), "tables: forward: 3200 bytes, 0 scales: must be 3200 and 80")
	of = tables()
	of.Magnitudes[6] = 128
	assert.EqualError(t, of.Check(), "tables: magnitude 6: 128: must be 1 to 127")
	of = tables()
	of.Thresholds[3] = 0
	assert.EqualError(t, of.Check(), "tables: thresholds: must ascend")
}

func TestWhereArrangedQueriesLie(t *testing.T) {
	a := Arranged{Records: twoHeads(), Tiles: 6, Queries: 2, Pages: 3, Stretches: 2}
	assert.Equal(t, []int{504, 504 + 2*192, 504 + 384 + 2*480, 504 + 384 + 2*480 + 36},
		[]int{a.TablesAt(), a.CodedAt(), a.MeansAt(), a.Words()})
	assert.Equal(t, 2*5*81, RecordPartialsWords(40, 2, 5))
}
