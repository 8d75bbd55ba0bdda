package peers

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

var shape = Shape{KVHeads: 2, HeadDim: 64, Mean: func(layer, token int, dst []float32) {
	for i := range dst {
		dst[i] = 50 + float32(layer) + float32(token%3) - float32(i*i%37)
	}
}}

func normal(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

func code(t *testing.T, name string, k shaders.Kind, first int, rows []float32) []float32 {
	t.Helper()
	c, err := New(name, shape)
	require.NoError(t, err)
	out := slices.Clone(rows)
	c.Code(k, 1, first, out)
	return out
}

func squares(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]-b[i]) * float64(a[i]-b[i])
	}
	return sum / float64(len(a))
}

// Every header is counted: 16-bit scales of 32 elements, a minimum and a step, a
// norm of a head.
func TestBits(t *testing.T) {
	for name, bits := range map[string]float64{"q8_0": 8.5, "q4_0": 4.5, "q4_0-hadamard": 4.5, "q4_0-hadamard-mean": 4.5,
		"kivi-2": 3, "kivi-3": 4, "turbo-2": 2.25, "turbo-3": 3.25, "turbo-4": 4.25} {
		c, err := New(name, shape)
		require.NoError(t, err)
		require.Equal(t, [2]float64{bits, bits}, c.Bits, name)
		require.Equal(t, name, c.Name)
		require.Equal(t, math.Floor(bits), c.Codes+map[bool]float64{true: 1}[c.Block > 1], "a minimum and a step take a bit of KIVI")
	}
	require.Len(t, Names(), 9)
}

// Mean squared errors of standard normal rows: Lloyd-Max has .1175, .0345, .0095
// (Max 1960), less what the norm of a head takes; the others as an independent
// implementation in NumPy gives them.
func TestErrorsOfNormalRows(t *testing.T) {
	rows := normal(3, 4096*shape.row())
	for name, want := range map[string]float64{"q8_0": 2.87e-5, "q4_0": 0.0074, "q4_0-hadamard": 0.0073,
		"kivi-2": 0.1545, "kivi-3": 0.0281, "turbo-2": 0.1145, "turbo-3": 0.0334, "turbo-4": 0.0092} {
		for _, k := range []shaders.Kind{shaders.Key, shaders.Value} {
			require.InEpsilon(t, want, squares(rows, code(t, name, k, 0, rows)), 0.03, "%s %s", name, k)
		}
	}
}

func TestValuesOfBlocks(t *testing.T) {
	rows := make([]float32, shape.row())
	rows[0], rows[1], rows[2], rows[3] = -8, 7, 3.4, -0.5
	out := code(t, "q4_0", shaders.Key, 0, rows)
	require.Equal(t, []float32{-8, 7, 3, 0, 0}, out[:5], "scale 1; −0.5 is the middle, taken up")
	rows[0] = 127
	out = code(t, "q8_0", shaders.Value, 0, rows)
	require.Equal(t, []float32{127, 7, 3, -1, 0}, out[:5], "halves away from zero")
	require.Equal(t, make([]float32, 64), out[64:], "a block of zeros stays one")
}

func TestValuesOfKIVI(t *testing.T) {
	row := shape.row()
	rows := make([]float32, kiviGroup*row)
	for i := range kiviGroup {
		rows[i*row] = float32(i)           // channel 0: 0 to 31 over the tokens
		rows[i*row+1] = 5 + float32(i%2)*3 // channel 1: 5 and 8
	}
	keys := code(t, "kivi-2", shaders.Key, 0, rows)
	step := half(31.0 / 3)
	for i := range kiviGroup {
		require.Equal(t, float32(math.RoundToEven(float64(float32(i)/step)))*step, keys[i*row], "token %d", i)
		require.Equal(t, rows[i*row+1], keys[i*row+1], "the ends are exact")
	}
	values := code(t, "kivi-3", shaders.Value, 0, rows)
	require.Equal(t, 7*half(31.0/7), values[31*row], "of a token's group, 0 to 31")
	require.InDelta(t, 31.0*2/7, values[31*row+1], 1e-2, "8 is next to the second of seven steps")
}

func TestRotationIsItsOwnInverse(t *testing.T) {
	for _, width := range []int{1, 2, 8, 64} {
		rows := normal(9, 192)
		out := slices.Clone(rows)
		hadamard(out, width)
		hadamard(out, width)
		require.InDeltaSlice(t, rows, out, 1e-5)
	}
	row := []float32{1, 0, 0, 0}
	hadamard(row, 4)
	require.Equal(t, []float32{0.5, 0.5, 0.5, 0.5}, row)
	require.Equal(t, 16, rotation(80))
}

// With a large mean in every key the rotation puts all of it into one element
// and the rest into nothing; taken out first, the error is that of normal rows.
func TestMeanTakenOut(t *testing.T) {
	rows, mean := normal(4, 64*shape.row()), make([]float32, shape.row())
	for tok := range 64 {
		shape.Mean(1, 7+tok, mean)
		for i, m := range mean {
			rows[tok*len(mean)+i] += m
		}
	}
	require.Greater(t, squares(rows, code(t, "q4_0-hadamard", shaders.Key, 7, rows)), 0.5, "more than half of it is lost")
	require.Less(t, squares(rows, code(t, "q4_0-hadamard-mean", shaders.Key, 7, rows)), 0.008)
}

func TestLloydMax(t *testing.T) {
	require.InDeltaSlice(t, []float32{-1.510, -0.4528, 0.4528, 1.510}, lloydMax(4), 1e-3)
	require.InDeltaSlice(t, []float32{0.2451, 0.7560, 1.344, 2.152}, lloydMax(8)[4:], 1e-3)
	require.InDelta(t, 2.733, lloydMax(16)[15], 1e-3)
	c := turboCoder{levels: []float32{-1, 0, 2}}
	for z, want := range map[float32]float32{-9: -1, -0.6: -1, -0.4: 0, 0.9: 0, 1.1: 2, 9: 2} {
		require.Equal(t, want, c.nearest(z))
	}
}

func TestHalf(t *testing.T) {
	rows := []float32{1.0002, -65504, 1.0 / 3, 6e-8}
	Half(rows)
	require.Equal(t, []float32{1, -65504, 0.33325195, 5.9604645e-08}, rows)
}

func TestBadShapes(t *testing.T) {
	_, err := New("q5_9", shape)
	require.ErrorIs(t, err, ErrName)
	_, err = New("q4_0", Shape{KVHeads: 1, HeadDim: 40})
	require.ErrorIs(t, err, ErrShape)
	require.EqualError(t, err, "peers: q4_0: row of 40 elements: must be a multiple of 32: rows of this shape cannot be coded")
	_, err = New("turbo-3", Shape{KVHeads: 1, HeadDim: 36})
	require.ErrorIs(t, err, ErrShape)
	_, err = New("kivi-2", Shape{})
	require.ErrorIs(t, err, ErrShape)
}
