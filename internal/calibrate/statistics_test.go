package calibrate_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
)

func normal(r *rand.Rand, n int, around float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(around + r.NormFloat64())
	}
	return out
}

// Weighted mean and covariance against their formulas in f64, for values and for
// keys whose mean turns with the page, around zero and far from it.
func TestMoments(t *testing.T) {
	const d, from, to = 4, 3, 77
	r := rand.New(rand.NewPCG(1, 2))
	rope := &profile.RoPE{Speeds: []float64{0.7}}
	for _, around := range []float64{0, 300} {
		rows, gradients := normal(r, to*d, around), normal(r, to*d, 0)
		w := calibrate.RowWeights(gradients[from*d:], d)
		for _, turning := range []*profile.RoPE{nil, rope} {
			mean, covariance := calibrate.Moments(turning, rows, gradients, d, from, to)
			wantMean, want := moments(turning, rows, w, d, from, to)
			for e := range d {
				assert.InDelta(t, wantMean[e], mean[e], 1e-5*max(1, around))
			}
			for i := range want {
				assert.InDelta(t, want[i], covariance[i], 1e-4*max(1, math.Abs(want[i])), "around %v, element %d", around, i)
			}
		}
	}
}

// moments are the formulas of docs/profile.md.
func moments(rope *profile.RoPE, rows []float32, w []float64, d, from, to int) (mean, covariance []float64) {
	mean, covariance = make([]float64, d), make([]float64, d*d)
	total := 0.0
	for i := from; i < to; i++ {
		total += w[i-from]
	}
	turned := func(x []float64, i int, sign float64) []float64 {
		out := append([]float64{}, x...)
		if rope != nil {
			sin, cos := math.Sincos(sign * rope.Speeds[0] * float64(i/32*32+16))
			out[0], out[1] = x[0]*cos-x[1]*sin, x[0]*sin+x[1]*cos
		}
		return out
	}
	row := func(i int) []float64 {
		out := make([]float64, d)
		for e := range out {
			out[e] = float64(rows[i*d+e])
		}
		return out
	}
	for i := from; i < to; i++ {
		for e, x := range turned(row(i), i, -1) {
			mean[e] += w[i-from] / total * x
		}
	}
	for i := from; i < to; i++ {
		x, centre := row(i), turned(mean, i, 1)
		for a := range d {
			for b := range d {
				covariance[a*d+b] += w[i-from] / total * (x[a] - centre[a]) * (x[b] - centre[b])
			}
		}
	}
	return mean, covariance
}

func TestRowWeights(t *testing.T) {
	gradients := make([]float32, 2*201)
	for i := range 201 {
		gradients[2*i] = float32(i)
	}
	w := calibrate.RowWeights(gradients, 2)
	assert.Zero(t, w[0])
	assert.InEpsilon(t, math.Pow(100*100, 0.65), w[100], 1e-12)
	assert.InEpsilon(t, math.Pow(198*198, 0.65), w[200], 1e-12, "clipped at the 99 % quantile")
}

func TestLevel(t *testing.T) {
	for importance, want := range map[float64]int{
		1: 3, 0: 0, 1e9: 9, 0.45: 2, 2.1: 4, 4.3: 5, 0.175: 1,
	} {
		assert.Equal(t, want, calibrate.Level(importance, 0.1), "importance %v", importance)
	}
}

// For normal values, the values of codes are the means of the cells: in 32nds and
// stretched for few bits, and on a curve for many, which costs little.
func TestCodebookOfNormalValues(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	book := calibrate.Codebook(normal(r, 1<<20, 0))
	for i, want := range []float64{25.53, 19.53, 60.86, 10.27, 32.25, 59.79, 102.22} {
		stretched := want * []float64{1.12, 1.12, 1.12, 1.06, 1.06, 1.06, 1.06}[i]
		assert.InDelta(t, stretched, book.Reconstruction.Magnitudes[i], 1.1, "magnitude %d", i)
	}
	means := []float64{1.25, 1 - 2/math.Pi, .156353, .051681, .013944, .003612, .000913, .000229, .000057} // of cells, integrated
	for bits, want := range means {
		assert.InEpsilon(t, want, book.Distortion[bits], 0.07, "%d bits", bits)
	}
	assert.InDelta(t, 1.3+1./8+4./128, book.Thresholds[191], 1e-6, "u = 1/2")
	for bits := 1; bits <= profile.CodeBits; bits++ {
		table := book.Table(bits)
		for i := range table {
			require.InDelta(t, -table[i], table[len(table)-1-i], 1e-6, "%d bits, code %d", bits, i)
		}
	}
}

// Cells that nothing falls into still have values in their order.
func TestCodebookOfFewValues(t *testing.T) {
	p := profile.Profile{Codebook: calibrate.Codebook(normal(rand.New(rand.NewPCG(5, 6)), 40, 0))}
	for bits := 1; bits <= profile.CodeBits; bits++ {
		table := p.Codebook.Table(bits)
		for i := range table[1:] {
			require.Less(t, table[i], table[i+1], "%d bits, code %d", bits, i)
		}
	}
}

func TestCut(t *testing.T) {
	long, short := make([]int, 2000), make([]int, 300)
	for i := range long {
		long[i] = i
	}
	windows, err := calibrate.Cut([][]int{long, short}, 5, 256, []int{-1})
	require.NoError(t, err)
	require.Len(t, windows, 5)
	for i, first := range []int{0, 581, 1163, 1745, 0} {
		assert.Equal(t, -1, windows[i][0])
		assert.Equal(t, first, windows[i][1], "window %d", i)
		assert.Len(t, windows[i], 256)
	}
	windows, err = calibrate.Cut([][]int{long, short}, 100, 256, nil)
	require.NoError(t, err)
	assert.Len(t, windows, 8, "7 of the long text, 1 of the short")
	_, err = calibrate.Cut([][]int{short}, 5, 301, nil)
	require.ErrorIs(t, err, calibrate.ErrText)
	_, err = calibrate.Cut([][]int{long}, 5, 255, nil)
	require.ErrorIs(t, err, calibrate.ErrText)
}

// A matrix that is averaged over windows does not tell the turned pairs from each other as
// the one window does, and its trace stays.
func TestStatisticsAreOfAllPositions(t *testing.T) {
	rope := profile.RoPE{Halves: true, Speeds: []float64{math.Pi / 2 / 256}}
	one := []float64{4, 0, 0, 0, 1, 0, 0, 0, 3} // elements 0 and 1 are a pair
	got := calibrate.Average(rope, 256, 512, one, 3)
	// The second of two windows is a quarter of a turn on and counts half as much.
	want := []float64{3, 0, 0, 0, 2, 0, 0, 0, 3}
	for i := range want {
		assert.InDelta(t, want[i], got[i], 1e-6)
	}
	got = calibrate.Average(rope, 256, 300, one, 3)
	for i := range want {
		assert.InDelta(t, want[i], got[i], 1e-6, "a part of a window counts as one")
	}
	assert.Equal(t, one, calibrate.Average(rope, 256, 256, one, 3), "one window is all there is")
	assert.Equal(t, one, calibrate.Average(rope, 1024, 8192, one, 3), "and all there is of a stretch")
}
