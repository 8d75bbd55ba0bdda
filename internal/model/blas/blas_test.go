package blas_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/cpu"

	"github.com/qaqvk/qaqvk/internal/model/blas"
)

func random(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = r.Float32() - 0.5
	}
	return out
}

func TestLinearMatchesLoops(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct{ n, in, out int }{{1, 1, 1}, {1, 33, 129}, {1, 64, 1023}, {2, 31, 63}, {3, 129, 64}, {32, 127, 200}, {1, 5000, 300}, {2, 6000, 70}} {
		for _, beta := range []float32{0, 1} {
			t.Run(fmt.Sprintf("%dx%dx%d beta %v", s.n, s.in, s.out, beta), func(t *testing.T) {
				x, w, y := random(r, s.n*s.in), random(r, s.out*s.in), random(r, s.n*s.out)
				want := make([]float64, len(y))
				for i := range want {
					want[i] = float64(beta) * float64(y[i])
					for k := range s.in {
						want[i] += 0.5 * float64(x[i/s.out*s.in+k]) * float64(w[i%s.out*s.in+k])
					}
				}
				again := slices.Clone(y)
				blas.Linear(y, x, w, s.n, s.in, s.out, 0.5, beta)
				require.NoError(t, blas.LinearRows(again, x, rowsOf(w, s.in), s.n, s.in, s.out, 0.5, beta))
				for i := range want {
					require.InDelta(t, want[i], y[i], 1e-5, "element %d", i)
					require.InDelta(t, want[i], again[i], 1e-5, "element %d of rows", i)
				}
			})
		}
	}
}

func TestLinearTMatchesLoops(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n, in, out, stride = 130, 33, 17, 20
	x, w, y := random(r, n*stride), random(r, out*in), random(r, n*in)
	want := make([]float64, len(y))
	for i := range want {
		want[i] = float64(y[i])
		for k := range out {
			want[i] += 0.5 * float64(x[i/in*stride+k]) * float64(w[k*in+i%in])
		}
	}
	blas.LinearT(y, x, w, n, in, out, stride, 0.5, 1)
	for i := range want {
		require.InDelta(t, want[i], y[i], 1e-5, "element %d", i)
	}
}

func TestLinearDoesNotDependOnProcessors(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 32} {
		x, w := random(r, n*576), random(r, 1000*576)
		one, two := make([]float32, n*1000), make([]float32, n*1000)
		before := runtime.GOMAXPROCS(1)
		blas.Linear(one, x, w, n, 576, 1000, 1, 0)
		runtime.GOMAXPROCS(3)
		blas.Linear(two, x, w, n, 576, 1000, 1, 0)
		runtime.GOMAXPROCS(before)
		assert.Equal(t, one, two, "batch of %d", n)
	}
}

func TestLinearRowsRepeatsExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 32} {
		x, w := random(r, n*576), random(r, 1000*576)
		one, two := make([]float32, n*1000), make([]float32, n*1000)
		before := runtime.GOMAXPROCS(1)
		require.NoError(t, blas.LinearRows(one, x, rowsOf(w, 576), n, 576, 1000, 1, 0))
		runtime.GOMAXPROCS(3)
		require.NoError(t, blas.LinearRows(two, x, rowsOf(w, 576), n, 576, 1000, 1, 0))
		runtime.GOMAXPROCS(before)
		assert.Equal(t, one, two, "batch of %d", n)
	}
}

func TestLinearRowsReturnsTheErrorOfReading(t *testing.T) {
	failed := errors.New("disk")
	err := blas.LinearRows(make([]float32, 200), make([]float32, 8), func(_ []float32, first int) error {
		if first >= 64 {
			return failed
		}
		return nil
	}, 1, 8, 200, 1, 0)
	require.ErrorIs(t, err, failed)
}

// rowsOf reads rows of a matrix in memory.
func rowsOf(w []float32, in int) func(dst []float32, first int) error {
	return func(dst []float32, first int) error {
		copy(dst, w[first*in:])
		return nil
	}
}

func TestMulWithStrides(t *testing.T) {
	// a [2][2] in rows of 3, b [2][2] in rows of 4, c [2][2] in rows of 2.
	a := blas.Matrix{Data: []float32{1, 2, 9, 3, 4, 9}, Stride: 3}
	b := blas.Matrix{Data: []float32{5, 6, 9, 9, 7, 8, 9, 9}, Stride: 4}
	c := blas.Matrix{Data: make([]float32, 4), Stride: 2}
	blas.Mul(2, 2, 2, 1, a, b, 0, c)
	assert.Equal(t, []float32{19, 22, 43, 50}, c.Data)
	blas.MulT(2, 2, 2, 2, a, b, 1, c)
	assert.Equal(t, []float32{19 + 34, 22 + 46, 43 + 78, 50 + 106}, c.Data)
	blas.TMul(2, 2, 2, 1, a, b, 0, c)
	assert.Equal(t, []float32{26, 30, 38, 44}, c.Data)
	c.Data[0] = 53
	blas.Mul(0, 2, 2, 1, a, b, 0, c)
	assert.Equal(t, float32(53), c.Data[0])
}

func TestAlloc(t *testing.T) {
	s := blas.Alloc(1000)
	assert.Equal(t, make([]float32, 1000), s)
	blas.Free(s)
	blas.Free(nil)
	assert.Nil(t, blas.Alloc(1<<60))
}

func TestParallelCallsEachOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 31, 1023} {
		seen := make([]atomic.Int32, n)
		blas.Parallel(n, func(i int) { seen[i].Add(1) })
		for i := range seen {
			require.Equal(t, int32(1), seen[i].Load(), "call %d of %d", i, n)
		}
	}
}

// An OpenBLAS that does not know the processor takes kernels without AVX.
func TestCoreIsNotOlderThanTheProcessor(t *testing.T) {
	require.NotEmpty(t, blas.Core())
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		assert.Contains(t, []string{"Haswell", "Zen", "Excavator", "SkylakeX", "Cooperlake", "SapphireRapids"}, blas.Core())
	}
}
