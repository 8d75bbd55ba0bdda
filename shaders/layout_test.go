package shaders

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOutliersFollowTheFormula(t *testing.T) {
	cases := []struct {
		name      string
		alpha     float64
		group     int
		low, high int
	}{
		{"none", 0, 128, 0, 0},
		{"one percent of a row of 64", 0.01, 64, 1, 1},
		{"one percent of a row of 128", 0.01, 128, 1, 1},
		{"one percent of a layer", 0.01, 512, 3, 3},
		{"one percent of the largest group", 0.01, 16384, 82, 82},
		{"five percent of 80, a whole number", 0.05, 80, 2, 2},
		{"ten percent of 32", 0.1, 32, 2, 2},
		{"ten percent of 40, a whole number", 0.1, 40, 2, 2},
		{"ten percent of the largest group", 0.1, 16384, 820, 820},
		{"a trace", 1e-9, 32, 1, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			low, high := Outliers(c.alpha, c.group)
			assert.Equal(t, c.low, low, "low")
			assert.Equal(t, c.high, high, "high")
		})
	}
}

func TestSizesOfAnF16Layout(t *testing.T) {
	l := Layout{Type: TypeF16, HeadDim: 72, Rows: 3, Low: 2, High: 1}
	require.NoError(t, l.Check())
	assert.Equal(t, 216, l.Group())
	assert.Equal(t, 36, l.RawRowWords())
	assert.Equal(t, []int{0, 3, 5, 7, 9, 12, 14, 16, 18}, rowWords(l))
	assert.Equal(t, 36, l.RowWords(Raw))
	assert.Equal(t, 8, l.IndexBits())
	assert.Equal(t, 1, l.RangeWords())
	assert.Equal(t, 9, BitsWords(65))
	assert.Equal(t, 8, l.OutlierValueWords(5), "15 halves")
	assert.Equal(t, 4, l.OutlierIndexWords(5), "15 bytes")
	assert.Equal(t, 4+1+5+8+4+2, l.PageHeaderWords(5))
	assert.Equal(t, 24+3*(0+3+18+36+7), l.PageWords([]uint8{0, 1, 8, Raw, 3}))
	assert.Equal(t, 1+3, l.SlotRowsAt())
	assert.Equal(t, 1+3+108, l.SlotWords())
	assert.Equal(t, 3*7, l.SupplyWords(2, 5))
	assert.Equal(t, 108, l.SupplyWords(2, Raw))
	assert.Zero(t, l.SupplyWords(5, 5))
	assert.Zero(t, l.SupplyWords(Raw, 8))
}

func TestSizesOfAnF32Layout(t *testing.T) {
	l := Layout{Type: TypeF32, HeadDim: 40, Rows: 8, Low: 4, High: 4}
	require.NoError(t, l.Check())
	assert.Equal(t, 40, l.RawRowWords())
	assert.Equal(t, []int{0, 2, 3, 4, 5, 7, 8, 9, 10}, rowWords(l))
	assert.Equal(t, 16, l.IndexBits(), "320 elements")
	assert.Equal(t, 2, l.RangeWords())
	assert.Equal(t, 24, l.OutlierValueWords(3))
	assert.Equal(t, 12, l.OutlierIndexWords(3))
	assert.Equal(t, 4+1+6+24+12+1, l.PageHeaderWords(3))
	assert.Equal(t, 2+16+2, l.SlotRowsAt())
	assert.Equal(t, 20+320, l.SlotWords())
}

func TestPartsOfAPageFollowEachOther(t *testing.T) {
	l := Layout{Type: TypeBF16, HeadDim: 64, Rows: 1, Low: 1, High: 1}
	assert.Equal(t, 4+2, l.RangesAt(9))
	assert.Equal(t, 6+9, l.OutlierValuesAt(9))
	assert.Equal(t, 15+9, l.OutlierIndicesAt(9))
	assert.Equal(t, 24+5+3, l.PageHeaderWords(9))
}

func TestCheckNamesWhatIsOutside(t *testing.T) {
	good := Layout{Type: TypeF16, HeadDim: 128, Rows: 128}
	require.NoError(t, good.Check(), "16384 elements")
	cases := []struct {
		name   string
		change func(*Layout)
		want   string
	}{
		{"type", func(l *Layout) { l.Type = 3 }, "type 3"},
		{"short row", func(l *Layout) { l.HeadDim = 24 }, "head dimension 24"},
		{"odd row", func(l *Layout) { l.HeadDim = 100 }, "head dimension 100"},
		{"long row", func(l *Layout) { l.HeadDim = 264 }, "head dimension 264"},
		{"no rows", func(l *Layout) { l.Rows = 0 }, "0 rows"},
		{"large group", func(l *Layout) { l.Rows = 129 }, "129 rows"},
		{"all outliers", func(l *Layout) { l.Low, l.High = 16000, 384 }, "16000 + 384 outliers"},
		{"negative", func(l *Layout) { l.Low = -1 }, "-1 + 0 outliers"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := good
			c.change(&l)
			assert.ErrorContains(t, l.Check(), c.want)
		})
	}
}

func TestBitsWordsRoundTrip(t *testing.T) {
	bits := []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, Raw, 3}
	packed := PackBits(bits)
	assert.Equal(t, []uint32{0x76543210, 0x3f8}, packed)
	got := make([]uint8, len(bits))
	assert.Equal(t, -1, UnpackBits(packed, got))
	assert.Equal(t, bits, got)
	assert.Equal(t, 2, UnpackBits([]uint32{0x900}, got[:3]), "9 is no bit width")
}

func rowWords(l Layout) (out []int) {
	for b := uint8(0); b <= 8; b++ {
		out = append(out, l.RowWords(b))
	}
	return out
}

func TestEncodeLanes(t *testing.T) {
	for _, c := range []struct{ rows, low, high, want int }{
		{1, 1, 1, 1}, {16, 16, 16, 1}, {17, 0, 0, 16}, {128, 6, 5, 64},
		{2, 17, 0, 1}, {3, 17, 0, 2}, {8, 0, 17, 4}, {9, 17, 17, 8},
	} {
		assert.Equal(t, c.want, Layout{HeadDim: 128, Rows: c.rows, Low: c.low, High: c.high}.EncodeLanes(), "%+v", c)
	}
}
