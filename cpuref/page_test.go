package cpuref

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func smallLayout() shaders.Layout {
	return shaders.Layout{Type: shaders.TypeF16, HeadDim: 40, Rows: 1, Low: 1, High: 1}
}

// smallPage has three groups: 0..39 at 3 bits, one with a NaN, and all 1 at 0.
func smallPage(t testing.TB) []uint32 {
	l := smallLayout()
	xs := make([]float32, 120)
	for i := range xs {
		xs[i] = 1
		if i < 40 {
			xs[i] = float32(i)
		}
	}
	xs[50] = nan
	return encodePage(t, l, f32s(l.Type, xs...), []uint8{3, 3, 0})
}

func TestAPageWordByWord(t *testing.T) {
	page := smallPage(t)
	require.Len(t, page, 4+1+3+3+2+3+4+20)
	assert.Equal(t, []uint32{0x51410001, 40, 3, 1}, page[:4], "header")
	assert.Equal(t, uint32(0x0f3), page[4], "bits")
	assert.Equal(t, []uint32{0x50c03c00, 0xfc007c00, 0x3c003c00}, page[5:8], "ranges")
	assert.Equal(t, []uint32{0x50e00000, 0, 0x3c003c00}, page[8:11], "outlier values")
	assert.Equal(t, []uint32{0x00002700, 0x0100}, page[11:13], "outlier indices")
	assert.Equal(t, []uint32{0, 0, 0}, page[13:16], "padding")
	// Borders lie at 5.625, 10.25, 14.875, 19.5, 24.125, 28.75 and 33.375.
	codes := make([]uint8, 40)
	readRow(page[16:20], 3, codes)
	assert.Equal(t, []uint8{
		0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3,
		4, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7,
	}, codes)
	assert.Equal(t, uint32(0), page[19]>>24, "padding of the row")
	assert.Equal(t, uint32(0x3c007e00), page[20+5], "the NaN stays")
}

func TestAPagesParts(t *testing.T) {
	p, err := ReadPage(smallLayout(), smallPage(t))
	require.NoError(t, err)
	assert.Equal(t, 3, p.Len())
	assert.Equal(t, []uint8{3, shaders.Raw, 0}, p.Bits)
	min, max, quantizes := p.Range(0)
	assert.Equal(t, [2]float32{1, 38}, [2]float32{min, max})
	assert.True(t, quantizes)
	_, _, quantizes = p.Range(1)
	assert.False(t, quantizes)
	index, element := p.Outlier(0, 1)
	assert.Equal(t, 39, index)
	assert.Equal(t, uint32(0x50e0), element)
	assert.Len(t, p.Codes(0), 4)
	assert.Len(t, p.Codes(1), 20)
	assert.Empty(t, p.Codes(2))
}

func TestReadPageNamesWhatIsWrong(t *testing.T) {
	cases := []struct {
		name   string
		damage func([]uint32) []uint32
		want   string
	}{
		{"empty", func([]uint32) []uint32 { return nil }, "0 words"},
		{"magic", func(p []uint32) []uint32 { p[0]++; return p }, "magic 0x51410002"},
		{"truncated", func(p []uint32) []uint32 { return p[:39] }, "size 40 words: there are 39"},
		{"size", func(p []uint32) []uint32 { p[1]--; return p }, "its groups need 40"},
		{"groups", func(p []uint32) []uint32 { p[2] = 0xffffffff; return p }, "4294967295 groups need"},
		{"count", func(p []uint32) []uint32 { p[3] = 0; return p }, "header says 0"},
		{"bits", func(p []uint32) []uint32 { p[4] = 0x9f3; return p }, "bits of group 2"},
		{"bits padding", func(p []uint32) []uint32 { p[4] |= 1 << 12; return p }, "padding of bits"},
		{"range order", func(p []uint32) []uint32 { p[5] = 0x3c0050c0; return p }, "group 0: range 0x50c0..0x3c00"},
		{"range -0", func(p []uint32) []uint32 { p[5] = 0x50c08000; return p }, "group 0: range 0x8000"},
		{"range NaN", func(p []uint32) []uint32 { p[7] = 0x7e007e00; return p }, "group 2: range 0x7e00"},
		{"quantized without a range", func(p []uint32) []uint32 { p[7] = 0xfc007c00; return p }, "group 2: 0 bits"},
		{"outlier of a raw group", func(p []uint32) []uint32 { p[9] = 1; return p }, "group 1: outlier 0"},
		{"outlier inside", func(p []uint32) []uint32 { p[8] = 0x3c010000; return p }, "group 0: outlier 1: 0x3c01"},
		{"outlier infinite", func(p []uint32) []uint32 { p[8] = 0x7c000000; return p }, "group 0: outlier 1: 0x7c00"},
		{"index out of group", func(p []uint32) []uint32 { p[11] = 0x2800; return p }, "outlier 1: index 40"},
		{"index twice", func(p []uint32) []uint32 { p[11] = 0; return p }, "outlier 1: index 0"},
		{"index padding", func(p []uint32) []uint32 { p[12] |= 1 << 16; return p }, "padding of outlier indices"},
		{"padding before the codes", func(p []uint32) []uint32 { p[15] = 1; return p }, "padding before the codes"},
		{"row padding", func(p []uint32) []uint32 { p[19] |= 1 << 31; return p }, "group 0: padding of row"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadPage(smallLayout(), c.damage(smallPage(t)))
			require.ErrorIs(t, err, ErrPage)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestReadPageLeavesWhatLiesBehind(t *testing.T) {
	page := smallPage(t)
	p, err := ReadPage(smallLayout(), append(slices.Clone(page), 1, 2, 3))
	require.NoError(t, err)
	same(t, page, p.Words, "page")
}

// Evicted groups of rows whose codes would not fill words have none.
func TestAPageOfEvictedGroups(t *testing.T) {
	l := smallLayout()
	words := encodePage(t, l, f32s(l.Type, make([]float32, 80)...), []uint8{shaders.Evicted, 5})
	p, err := ReadPage(l, words)
	require.NoError(t, err)
	assert.Equal(t, []uint8{shaders.Evicted, 5}, p.Bits)
	assert.Empty(t, p.Codes(0))
	decodePage(t, l, words, shaders.TypeF32)
}

func TestAPageOfNoGroups(t *testing.T) {
	p, err := ReadPage(smallLayout(), []uint32{shaders.PageMagic, 4, 0, 0})
	require.NoError(t, err)
	assert.Zero(t, p.Len())
}

// FuzzReadPage: whatever ReadPage accepts decodes, and repacks to itself.
func FuzzReadPage(f *testing.F) {
	var bytes []byte
	for _, w := range smallPage(f) {
		bytes = binary.LittleEndian.AppendUint32(bytes, w)
	}
	f.Add(bytes)
	f.Fuzz(func(t *testing.T, in []byte) {
		words := make([]uint32, len(in)/4)
		for i := range words {
			words[i] = binary.LittleEndian.Uint32(in[4*i:])
		}
		p, err := ReadPage(smallLayout(), words)
		if err != nil {
			require.ErrorIs(t, err, ErrPage)
			return
		}
		decodePage(t, p.Layout, p.Words, shaders.TypeF32)
		same(t, p.Words, rewritePage(t, p.Layout, p.Words, p.Bits, nil), "repacked")
	})
}
