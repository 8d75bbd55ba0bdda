package backend

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// BenchmarkAttend is the attention of a layer of SmolLM2's shape at 4,096
// tokens, raw and with the mean bits that qaq gives K and V, without the rows' way to the ring: allocs/op are those of a
// call whose list was recorded before.
func BenchmarkAttend(b *testing.B) {
	for _, n := range []int{1, 32} {
		for _, p := range []policy.Policy{policy.None{}, policy.Uniform{KeyBits: 5, ValueBits: 3}} {
			b.Run(fmt.Sprintf("%s/queries=%d", p.Name(), n), func(b *testing.B) { benchmarkAttend(b, p, n) })
		}
	}
}

func benchmarkAttend(b *testing.B, p policy.Policy, n int) {
	d, err := device.Open("llvmpipe", device.Options{})
	require.NoError(b, err)
	c, err := New(d, Config{Layers: 30, KVHeads: 3, QueryHeads: 9, HeadDim: 64, OutlierFraction: .01, Capacity: 4200, MaxStepTokens: 128, Policy: p})
	require.NoError(b, err)
	s, err := c.NewSequence()
	require.NoError(b, err)
	rows := make([]float32, 128*3*64)
	for i := range rows {
		rows[i] = float32(i*7919%1000) / 500
	}
	for range 32 {
		for layer := range 30 {
			require.NoError(b, s.Append(layer, RowsF32(rows), RowsF32(rows)))
		}
		require.NoError(b, s.Step(b.Context()))
	}
	c.TimeKernels(true)
	q := make([]float32, n*9*64)
	copy(q, rows)
	out := RowsF32(make([]float32, len(q)))
	require.NoError(b, s.Attend(b.Context(), 0, RowsF32(q), out, AttendOptions{}))
	before := c.Stats().Times
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := s.Attend(b.Context(), 0, RowsF32(q), out, AttendOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	for _, k := range []string{"arrange_queries", "score", "softmax", "weighted_sum", "combine"} {
		b.ReportMetric(float64((c.Stats().Times[k]-before[k]).Microseconds())/float64(b.N), k+"-µs")
	}
	c.Close()
	require.NoError(b, d.Close())
}
