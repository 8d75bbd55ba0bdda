package backend

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// BenchmarkModelStep is the cache's part of a generated token: 30 layers of 3
// heads of 64, as SmolLM2-135M has them, f32 rows in and out.
func BenchmarkModelStep(b *testing.B) {
	for _, tokens := range []int{400, 3000} {
		for name, p := range map[string]policy.Policy{"none": policy.None{}, "uniform": policy.Uniform{KeyBits: 4, ValueBits: 4}, "qaq": testQAQ(policy.Paper)} {
			b.Run(fmt.Sprintf("%s/%d", name, tokens), func(b *testing.B) { benchmarkStep(b, p, tokens) })
		}
	}
}

func benchmarkStep(b *testing.B, p policy.Policy, tokens int) {
	d, err := device.Open("llvmpipe", device.Options{})
	require.NoError(b, err)
	defer d.Close()
	c, err := New(d, Config{Layers: 30, KVHeads: 3, HeadDim: 64, Capacity: tokens + 32 + 10000, OutlierFraction: 0.02, Policy: p, HostBudget: 1 << 30})
	require.NoError(b, err)
	defer c.Close()
	q, err := c.NewSequence()
	require.NoError(b, err)
	rng := rand.New(rand.NewPCG(1, 2))
	row := make([]float32, 32*192)
	for i := range row {
		row[i] = float32(rng.NormFloat64())
	}
	k, v := make([]float32, (tokens+10000)*192), make([]float32, (tokens+10000)*192)
	probs := make([]float32, 9*(tokens+10032))
	step := func(n int, read bool) {
		for layer := range 30 {
			require.NoError(b, q.Append(layer, RowsF32(row[:n*192]), RowsF32(row[:n*192])))
			if read {
				_, err := q.Read(layer, RowsF32(k), RowsF32(v))
				require.NoError(b, err)
			}
			t := q.Tokens() + n
			for i := range probs[:9*t] {
				probs[i] = float32(math.Exp(-float64(i%97)/8)) / float32(t)
			}
			require.NoError(b, q.Observe(layer, probs[:9*t], 1, 9))
		}
		require.NoError(b, q.Step(context.Background()))
	}
	for q.Tokens() < tokens {
		step(20, false)
	}
	before := cpuTime()
	b.ResetTimer()
	for range b.N {
		step(1, true)
	}
	b.StopTimer()
	b.ReportMetric(float64((cpuTime()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	s := c.Stats()
	b.Logf("device: %+v", d.Stats())
	b.Logf("%d tokens: %d segments, live %d committed %d staging %d host %d, bits %.2f %.2f, moves %+v, times %v", s.Tokens, s.Segments, s.Bytes.Live, s.Bytes.Committed, s.Bytes.Staging, s.Bytes.Host, s.K.Mean, s.V.Mean, s.Moves, s.Times)
}

// cpuTime is what all threads of the process have used: on a busy machine the
// clock says little.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
