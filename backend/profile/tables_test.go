package profile_test

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

func TestTables(t *testing.T) {
	p := random(5, shape)
	got, err := p.Tables(shaders.Value, 1, shaders.TypeBF16)
	require.NoError(t, err)
	sum, err := hex.DecodeString(p.Hash())
	require.NoError(t, err)
	assert.Equal(t, binary.LittleEndian.Uint16(sum), got.Profile)
	assert.Equal(t, 3|uint32(sum[0])<<16|uint32(sum[1])<<24, got.AppendTable(nil)[22], "word 3 of pages")
	assert.Equal(t, shaders.Layout{Type: shaders.TypeBF16, HeadDim: 32, Rows: 3}, got.Layout())
	assert.Equal(t, 1, got.Layer)
	assert.Equal(t, shaders.Value, got.Kind)
	assert.Equal(t, p.Codebook.Reconstruction, got.Reconstruction)
	assert.Equal(t, p.Codebook.Thresholds, got.Thresholds[:])
	for head := range shape.KVHeads {
		h, square := p.Head(shaders.Value, 1, head), 32*32
		assert.Equal(t, h.Mean, got.Mean[head*32:][:32])
		assert.Equal(t, h.Matrix, shaders.Matrix{Bytes: got.Forward.Bytes[head*square:][:square], Scales: got.Forward.Scales[head*32:][:32]})
		assert.Equal(t, h.Inverse, shaders.Matrix{Bytes: got.Inverse.Bytes[head*square:][:square], Scales: got.Inverse.Scales[head*32:][:32]})
	}
	checkPopulations(t, p, got)
}

// checkPopulations checks that records have the planes of the profile.
func checkPopulations(t *testing.T, p *profile.Profile, got *shaders.Tables) {
	planes := p.Planes()
	for level := range profile.Levels {
		for head := range p.Shape.KVHeads {
			n := got.Populations[level][head]
			assert.Equal(t, planes.RowBits(got.Kind, got.Layer, head, level), n.Bits())
			for plane := range n {
				require.Equal(t, planes.Count(got.Kind, got.Layer, head, level, plane), n[plane])
			}
		}
	}
}

// Kernels give rows the codes that the profile does.
func TestTablesEncode(t *testing.T) {
	p, r := random(5, shape), rand.New(rand.NewPCG(7, 8))
	tables, err := p.Tables(shaders.Value, 1, shaders.TypeF32)
	require.NoError(t, err)
	rows, codes := make([]uint32, 3*32), make([]uint32, tables.CodeWords())
	for i := range rows {
		rows[i] = math.Float32bits(float32(r.NormFloat64()))
	}
	require.True(t, cpuref.CalibratedCodes(tables, nil, false, rows, codes))
	for row := range 3 {
		h := p.Head(shaders.Value, 1, row)
		forward := h.Forward()
		for c := range 32 {
			z := 0.0
			for e, x := range rows[row*32:][:32] {
				z += float64(forward[c*32+e]) * float64(math.Float32frombits(x)-h.Mean[e])
			}
			got := codes[row*8+c%8] >> (c / 8 * 8) & 255
			require.Equal(t, profile.Code(float32(z), p.Codebook.Thresholds), int(got), "head %d, channel %d", row, c)
		}
	}
}

func TestAllTablesAreThoseOfEachLayer(t *testing.T) {
	p := random(5, shape)
	all, err := p.AllTables(shaders.TypeF16)
	require.NoError(t, err)
	for _, kind := range kinds {
		require.Len(t, all[kind], shape.Layers)
		for layer, got := range all[kind] {
			want, err := p.Tables(kind, layer, shaders.TypeF16)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
}

func TestTinyEntriesBecomeZero(t *testing.T) {
	p := random(5, shape)
	p.Mean[0], p.Mean[1], p.Mean[2] = -0x1p-41, -0x1p-40, 0x1p-140
	p.Inverse.Scales[0], p.Inverse.Scales[1] = 0x1p-31, 0x1p-30
	got, err := p.Tables(shaders.Key, 0, shaders.TypeF16)
	require.NoError(t, err)
	assert.Equal(t, []float32{0, -0x1p-40, 0}, got.Mean[:3])
	assert.Equal(t, []float32{0, 0x1p-30}, got.Inverse.Scales[:2])
}

func TestTablesRefuse(t *testing.T) {
	p := random(5, shape)
	_, err := p.Tables(shaders.Key, 2, shaders.TypeF16)
	require.ErrorIs(t, err, profile.ErrShape)
	_, err = p.Tables(shaders.Value+1, 0, shaders.TypeF16)
	require.ErrorIs(t, err, profile.ErrShape)
	_, err = p.Tables(shaders.Key, 0, shaders.TypeBF16+1)
	require.ErrorIs(t, err, profile.ErrFormat)
	p.Matrix.Scales[7] = 1<<20 + 1
	require.NoError(t, p.Validate())
	_, err = p.AllTables(shaders.TypeF16)
	require.ErrorIs(t, err, profile.ErrFormat)
	assert.ErrorContains(t, err, "k of layer 0: tables: forward, scale 7: 1.048577e+06: must be 0 or of 2^-30 to 2^20")
	_, err = random(1, policy.Shape{Layers: 1, KVHeads: 1, HeadDim: 4}).AllTables(shaders.TypeF16)
	require.ErrorIs(t, err, profile.ErrFormat, "a head dimension that no kernel has")
}

// Values are in 32nds: magnitudes, whose negatives the lower half of the codes has,
// and the curve from 4 bits on.
func TestTable(t *testing.T) {
	c := random(1, shape).Codebook
	assert.Equal(t, []float32{-1.25, 1.25}, c.Table(1))
	assert.Equal(t, []float32{-2.25, -.75, .75, 2.25}, c.Table(2))
	assert.Equal(t, []float32{-3.125, -2, -1.125, -.375, .375, 1.125, 2, 3.125}, c.Table(3))
	four := c.Table(4)
	const x = 15. / 16
	assert.Len(t, four, 16)
	assert.InDelta(t, (88*x-4.5*x*x*x+30*x*x*x*x*x+65.25*x*x*x*x*x*x*x)/32, four[15], 1e-6)
	assert.Equal(t, -four[15], four[0])
	assert.Len(t, c.Table(8), 256)
}
