package backend

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// BenchmarkAdapt is a generated token of SmolLM2's shape at 4,096 tokens: rows,
// attention of all layers and Step, without adapting and with. Attention rows,
// which are given outside of the time, change from token to token. cpu-ms/op
// are of all threads, adapting while steps go on included; adapt-% is the
// part of the steps' time that batches were in flight, host-% the part of that
// in which the host prepared.
func BenchmarkAdapt(b *testing.B) {
	for _, every := range []int{-1, 1, 16} {
		for _, reserve := range []int64{0, 40 << 20} {
			b.Run(fmt.Sprintf("every=%d/reserve=%d", every, reserve), func(b *testing.B) { benchmarkAdapt(b, every, reserve) })
		}
	}
}

func benchmarkAdapt(b *testing.B, every int, reserve int64) {
	d, err := device.Open("llvmpipe", device.Options{})
	require.NoError(b, err)
	q := testQAQ(policy.Paper)
	q.KeyError, q.ValueError = 2, 0.02
	c, err := New(d, Config{Layers: 30, KVHeads: 3, QueryHeads: 9, HeadDim: 64, Capacity: 8192, MaxStepTokens: 128, OutlierFraction: .01,
		Policy: q, AdaptEvery: every, HostBudget: 1 << 30, Reserve: reserve})
	require.NoError(b, err)
	s, err := c.NewSequence()
	require.NoError(b, err)
	rng := rand.New(rand.NewPCG(1, 2))
	rows, out := normal(rng, 128*192), RowsF32(make([]float32, 9*64))
	step := func(n int) {
		for layer := range 30 {
			require.NoError(b, s.Append(layer, RowsF32(rows[:n*192]), RowsF32(rows[:n*192])))
			if n == 1 {
				require.NoError(b, s.Attend(b.Context(), layer, RowsF32(rows[:9*64]), out, AttendOptions{}))
			}
		}
		require.NoError(b, s.Step(context.Background()))
		if n == 1 {
			c.Lists() // waits for what is in flight, so that its time counts
		}
	}
	for s.Tokens() < 4096 {
		step(128)
	}
	observe := attentionRows(b, s, rng)
	observe(16)
	_, err = s.Adapt(context.Background())
	require.NoError(b, err)
	c.adapter.Batches, c.adapter.Moves = Batches{}, Moves{}
	var cpu, all, longest time.Duration
	for range b.N {
		observe(1)
		before, began := cpuTime(), time.Now()
		step(1)
		cpu += cpuTime() - before
		all += time.Since(began)
		longest = max(longest, time.Since(began))
	}
	c.adapter.Finish(nil)
	st := c.Stats()
	b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "cpu-ms/op")
	if a := st.Adapting; a.Time > 0 {
		b.ReportMetric(100*float64(a.Time)/float64(all), "adapt-%")
		b.ReportMetric(100*float64(a.Host)/float64(a.Time), "host-%")
	}
	b.Logf("%d steps, longest %v: bits %.2f %.2f, live %d, slack %d, staging %d, adapting %+v, moves %+v, times %v",
		b.N, longest, st.K.Mean, st.V.Mean, st.Bytes.Live, st.Bytes.Slack, c.adapter.StagingBytes(), st.Adapting, st.Moves, st.Times)
	c.Close()
	require.NoError(b, d.Close())
}

func normal(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// attentionRows gives all layers attention rows of some tokens: weights that
// tokens keep, and noise.
func attentionRows(b *testing.B, s *Sequence, rng *rand.Rand) func(rows int) {
	kept := normal(rng, 9*8192)
	return func(rows int) {
		for range rows {
			tokens := s.Tokens()
			probs := make([]float32, 9*tokens)
			for i := range probs {
				probs[i] = float32(math.Exp(2*float64(kept[i/tokens*8192+i%tokens])+rng.NormFloat64()/2) / 8 / float64(tokens))
			}
			for layer := range 30 {
				require.NoError(b, s.Observe(layer, probs, 1, 9))
			}
		}
	}
}
