package cpuref

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// simulated is testdata/calibrated.json: a small random profile, rows [T][H][D] of f16
// and what testdata/calibrated.py, in float64, makes of them.
type simulated struct {
	Heads        int       `json:"heads"`
	HeadDim      int       `json:"head_dim"`
	Tokens       int       `json:"tokens"`
	Thresholds   []float32 `json:"thresholds"`
	Mean         []float32 `json:"mean"`
	Forward      []int8    `json:"forward"`
	ForwardScale []float32 `json:"forward_scales"`
	Inverse      []int8    `json:"inverse"`
	InverseScale []float32 `json:"inverse_scales"`
	Rotation     []float32 `json:"rotation"`
	Magnitudes   []int     `json:"magnitudes"`
	Coefficients []float32 `json:"coefficients"`
	Bits         []int     `json:"bits"`
	Rows         []uint32  `json:"rows"`
	Z            []float64 `json:"z"`
	Codes        []int     `json:"codes"`
	Decoded      []float64 `json:"decoded"`
}

func readSimulated(t testing.TB) (s simulated, of *shaders.Tables) {
	text, err := os.ReadFile("testdata/calibrated.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s))
	of = &shaders.Tables{Records: shaders.Records{Type: shaders.TypeF16, HeadDim: s.HeadDim, Heads: s.Heads}}
	of.Thresholds, of.Mean = [255]float32(s.Thresholds), s.Mean
	of.Forward, of.Inverse = shaders.Matrix{Bytes: s.Forward, Scales: s.ForwardScale}, shaders.Matrix{Bytes: s.Inverse, Scales: s.InverseScale}
	of.Coefficients = [4]float32(s.Coefficients)
	for i, m := range s.Magnitudes {
		of.Magnitudes[i] = uint8(m)
	}
	var p shaders.Population
	for _, bits := range s.Bits {
		for plane := range bits {
			p[plane]++
		}
	}
	for l := range of.Populations {
		of.Populations[l] = []shaders.Population{p, p}
	}
	require.NoError(t, of.Check())
	return s, of
}

// Codes are the simulator's but where z is within rounding of a threshold.
func TestCodesAreTheSimulators(t *testing.T) {
	s, of := readSimulated(t)
	row := s.Heads * s.HeadDim
	out := make([]uint32, of.CodeWords())
	other := 0
	for token := range s.Tokens {
		require.True(t, CalibratedCodes(of, s.Rotation, false, packed(s.Rows[token*row:][:row]), out))
		for i := range row {
			got := int(arrangedCode(out[i/s.HeadDim*of.CodeWords()/s.Heads:], i%s.HeadDim))
			if want := s.Codes[token*row+i]; got != want {
				z, near := s.Z[token*row+i], s.Thresholds[max(got, want)-1]
				assert.InDelta(t, near, z, 2e-5, "token %d element %d: %d, simulated %d", token, i, got, want)
				other++
			}
		}
	}
	assert.LessOrEqual(t, other, 2, "of %d", len(s.Codes))
}

// Decoding records gives the simulator's rows.
func TestDecodedRowsAreTheSimulators(t *testing.T) {
	s, of := readSimulated(t)
	spec := shaders.Spec{Workgroup: 32, Lanes: 1, Type: shaders.TypeF16, OutType: shaders.TypeF32, HeadDim: uint32(s.HeadDim), Rows: uint32(s.Heads)}
	stride, n := uint32(s.Heads*s.HeadDim/2), uint32(s.Tokens)
	rows := packed(s.Rows)
	slots := make([]uint32, s.Tokens*(s.Heads+of.CodeWords()))
	base := n * uint32(s.Heads)
	plan := shaders.EncodeRecordsPlan(make([]shaders.RecordEncodeJob, 1), [][]float32{s.Rotation})
	encode := shaders.EncodeCalibratedPush{Tokens: n, TokenStride: stride, SlotBase: base, Rotary: uint32(s.HeadDim)}
	require.NoError(t, EncodeCalibrated(spec, encode, 1, rows, plan, slots, of.Words()))
	levels := [][]uint8{repeat(4, s.Tokens)}
	pages := make([]uint32, shaders.AlignWords(of.PageWords(levels[0])))
	plan = shaders.PackRecordsPlan(make([]shaders.RecordPackJob, 1), levels, []*shaders.Tables{of})
	require.NoError(t, PackCalibrated(spec, shaders.PackCalibratedPush{Jobs: 1, Tokens: n, TokenStride: stride, SlotBase: base}, slots, rows, plan, pages))
	_, err := ReadRecordPage(of, pages)
	require.NoError(t, err)
	out := make([]uint32, 2*len(rows))
	plan = shaders.DecodeRecordsPlan(make([]shaders.RecordDecodeJob, 1), [][]float32{s.Rotation})
	decode := shaders.DecodeCalibratedPush{Tokens: n, TokenStride: 2 * stride, Rotary: uint32(s.HeadDim)}
	require.NoError(t, DecodeCalibrated(spec, decode, 1, pages, plan, of.Words(), out))
	far := 0
	for i, want := range s.Decoded {
		if got := float64(math.Float32frombits(out[i])); math.Abs(got-want) > 1e-4 {
			far++
		}
	}
	assert.LessOrEqual(t, far, s.HeadDim, "elements of %d that a code on another side of a threshold changes", len(s.Decoded))
}

func packed(elements []uint32) []uint32 {
	out := make([]uint32, len(elements)/2)
	for i := range out {
		out[i] = elements[2*i] | elements[2*i+1]<<16
	}
	return out
}

// A page of another profile, layer or with bits where there must be none is refused.
func TestReadRecordPageRefuses(t *testing.T) {
	_, of := readSimulated(t)
	levels := repeat(3, 5)
	page := make([]uint32, of.PageWords(levels))
	copy(page, []uint32{shaders.RecordMagic, uint32(len(page)), 5})
	copy(page[shaders.RecordHeaderWords:], shaders.PackBits(levels))
	_, err := ReadRecordPage(of, page)
	require.NoError(t, err)
	for _, c := range []struct {
		word  int
		value uint32
		want  string
	}{
		{0, shaders.PageMagic, "magic 0x51410001: must be 0x51410102"},
		{1, 3, "size 3 words: 5 tokens need 8"},
		{2, 1<<16 | 5, "1 tokens that could not be quantized: 0 are raw"},
		{3, 1 << 16, "profile 0001: must be 0000"},
		{3, 3, "layer 1 kind 1: must be layer 0 kind 0"},
		{4, 0xa3333, "level of token 4: must be 0..9 or 15"},
		{4, 0x133333, "padding of levels: must be zero"},
		{5, 1, "padding before the records: must be zero"},
		{len(page) - 1, 1 << 31, "token 4: padding of record: must be zero"},
	} {
		bad := append([]uint32(nil), page...)
		bad[c.word] = c.value
		_, err := ReadRecordPage(of, bad)
		assert.ErrorIs(t, err, ErrPage)
		assert.ErrorContains(t, err, c.want)
	}
}
