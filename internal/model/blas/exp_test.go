package blas_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/blas"
)

func TestSumExp(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 1023} {
		row, want := make([]float32, n), 0.0
		for i := range row {
			row[i] = 3 - float32(i)*0.09
			want += math.Exp(float64(row[i] - 3))
		}
		x := append([]float32(nil), row...)
		require.InDelta(t, want, blas.SumExp(row, 3), 1e-6*(1+want), "%d elements", n)
		for i := range row {
			if x[i]-3 < -87 {
				require.Zero(t, row[i])
				continue
			}
			require.InEpsilon(t, math.Exp(float64(x[i]-3)), row[i], 4e-7, "element %d of %d", i, n)
		}
	}
	row := []float32{float32(math.Inf(-1)), 0, -86.9, -1e30, 0, 0, 0, 0, float32(math.Inf(-1))}
	require.InDelta(t, 5, blas.SumExp(row, 0), 1e-12)
	require.Equal(t, []float32{0, 1, row[2], 0, 1, 1, 1, 1, 0}, row)
	require.Positive(t, row[2])
}

func BenchmarkSumExp(b *testing.B) {
	row := make([]float32, 1024)
	for b.Loop() {
		for i := range row {
			row[i] = -float32(i) * 0.02
		}
		blas.SumExp(row, 0)
	}
}
