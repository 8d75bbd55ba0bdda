package quant_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// repeat returns n times b.
func repeat(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// f16 bytes of the scales used below.
var (
	half1  = []byte{0x00, 0x3c} // 1
	half2  = []byte{0x00, 0x40} // 2
	halfN3 = []byte{0x00, 0xc2} // −3
	halfQ  = []byte{0x00, 0x34} // 0.25
)

func TestExpandBlocks(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  quant.Type
		block []byte
		want  map[int]float32 // index → value
	}{
		// Low halves are 1, but 15 in byte 0; high halves 10, but 0 in byte 15.
		{"Q4_0", quant.Q4_0, join(half2, []byte{0xaf}, repeat(0xa1, 14), []byte{0x01}),
			map[int]float32{0: 14, 1: -14, 15: -14, 16: 4, 30: 4, 31: -16}},
		{"Q4_1", quant.Q4_1, join(half2, halfN3, []byte{0xaf}, repeat(0xa1, 14), []byte{0x01}),
			map[int]float32{0: 27, 1: -1, 15: -1, 16: 17, 30: 17, 31: -3}},
		// Fifth bits: elements 0 and 31.
		{"Q5_0", quant.Q5_0, join(half1, []byte{1, 0, 0, 0x80}, repeat(0xa1, 16)),
			map[int]float32{0: 1, 1: -15, 15: -15, 16: -6, 30: -6, 31: 10}},
		{"Q5_1", quant.Q5_1, join(half1, halfN3, []byte{1, 0, 0, 0x80}, repeat(0xa1, 16)),
			map[int]float32{0: 14, 1: -2, 15: -2, 16: 7, 30: 7, 31: 23}},
		{"Q8_0", quant.Q8_0, join(halfQ, []byte{0x80, 0xff, 0x00}, repeat(0x7f, 29)),
			map[int]float32{0: -32, 1: -0.25, 2: 0, 3: 31.75, 31: 31.75}},
		// Sub-blocks 0 to 3: scale 1 to 4 and min 5 to 8, from the low six bits.
		// Sub-block 4: scale 0x2 | 1<<4, min 0x3 | 2<<4 (bits 6 and 7 of bytes 0 and 4).
		{"Q4_K", quant.Q4_K, join(half2, half1,
			[]byte{0x41, 2, 3, 4, 0x85, 6, 7, 8, 0x32, 0x10, 0x01, 0x00}, repeat(0x73, 128)),
			map[int]float32{0: 2*1*3 - 5, 31: 2*1*3 - 5, 32: 2*2*7 - 6, 64: 2*3*3 - 7, 96: 2*4*7 - 8,
				128: 2*18*3 - 35, 160: -1, 192: 2*1*3 - 0, 255: 0}},
		// Low bits 3 and 7, high bits 0, 1, 2, 3 of the four runs; scales 1, −2, …
		{"Q6_K", quant.Q6_K, join(repeat(0x73, 128), repeat(0xe4, 64),
			[]byte{1, 0xfe, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x80}, halfQ),
			map[int]float32{0: 0.25 * 1 * (3 - 32), 16: 0.25 * -2 * (3 - 32), 32: 0.25 * 3 * (19 - 32),
				64: 0.25 * 5 * (39 - 32), 96: 0.25 * 7 * (55 - 32), 128: 0.25 * 9 * (3 - 32), 255: 0.25 * -128 * (55 - 32)}},
		{"F32", quant.F32, []byte{0, 0, 0x40, 0xc0}, map[int]float32{0: -3}},
		{"BF16", quant.BF16, []byte{0x40, 0xc0}, map[int]float32{0: -3}},
		{"F16", quant.F16, halfN3, map[int]float32{0: -3}},
		{"F16 largest", quant.F16, []byte{0xff, 0x7b}, map[int]float32{0: 65504}},
		{"F16 least subnormal", quant.F16, []byte{0x01, 0x80}, map[int]float32{0: -1.0 / (1 << 24)}},
		{"F16 largest subnormal", quant.F16, []byte{0xff, 0x03}, map[int]float32{0: 1023.0 / (1 << 24)}},
		{"F16 zero", quant.F16, []byte{0, 0}, map[int]float32{0: 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			elems, size, err := c.kind.Block()
			require.NoError(t, err)
			require.Len(t, c.block, size)
			got := make([]float32, 2*elems)
			require.NoError(t, quant.Expand(got, join(c.block, c.block), c.kind))
			for i, want := range c.want {
				assert.Equal(t, want, got[i], "element %d", i)
				assert.Equal(t, want, got[i+elems], "element %d of the second block", i)
			}
		})
	}
}

func TestExpandHalfSpecials(t *testing.T) {
	got := make([]float32, 3)
	require.NoError(t, quant.Expand(got, []byte{0, 0x7c, 0, 0xfc, 1, 0x7e}, quant.F16))
	assert.Greater(t, got[0], float32(3.4e38))
	assert.Less(t, got[1], float32(-3.4e38))
	assert.NotEqual(t, got[2], got[2])
}

func TestNotFinite(t *testing.T) {
	for _, kind := range quant.Types() {
		elems, size, err := kind.Block()
		require.NoError(t, err)
		src := make([]byte, 3*size)
		i, _ := quant.NotFinite(src, kind)
		require.Equal(t, -1, i, kind)
		var want []int // places at which a byte can make the second block no number
		for at := range size {
			for _, b := range []byte{0x7c, 0x7e, 0x7f, 0xff} {
				src[size+at] = b
				values := make([]float32, 3*elems)
				require.NoError(t, quant.Expand(values, src, kind))
				first := -1
				for j := range values {
					if first < 0 && values[j]-values[j] != 0 {
						first = j
					}
				}
				if i, _ := quant.NotFinite(src, kind); first >= 0 {
					want = append(want, at)
					require.Equal(t, first, i, "%s byte %d", kind, at)
				}
				src[size+at] = 0
			}
		}
		if kind != quant.F32 && kind != quant.BF16 {
			require.NotEmpty(t, want, kind)
		}
	}
	for kind, bytes := range map[quant.Type][]byte{quant.F32: {0, 0, 0, 0, 0, 0, 0x80, 0x7f}, quant.BF16: {0, 0, 0x80, 0xff}} {
		i, x := quant.NotFinite(bytes, kind)
		require.Equal(t, 1, i)
		require.True(t, math.IsInf(float64(x), 0))
	}
}

func TestExpandRejects(t *testing.T) {
	require.ErrorIs(t, quant.Expand(nil, nil, 10), quant.ErrType)
	require.EqualError(t, quant.Expand(make([]float32, 32), make([]byte, 17), quant.Q4_0), "quant: Q4_0: 17 bytes do not hold 32 elements")
	require.Error(t, quant.Expand(make([]float32, 31), make([]byte, 18), quant.Q4_0))
	_, _, err := quant.Type(99).Block()
	require.ErrorIs(t, err, quant.ErrType)
	assert.Equal(t, "type 99", quant.Type(99).String())
	assert.Equal(t, "Q4_2 (type 4, removed from the format)", quant.Type(4).String())
}

func TestTypesAreAllKnown(t *testing.T) {
	assert.Len(t, quant.Types(), 10)
	for _, kind := range quant.Types() {
		_, _, err := kind.Block()
		assert.NoError(t, err)
	}
}
