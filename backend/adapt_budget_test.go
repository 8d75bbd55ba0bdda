package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// In exact mode every step ends with the bits that the rule asks for.
func TestExactStepsWait(t *testing.T) {
	cfg := small
	cfg.Synchronous, cfg.AdaptEvery = true, 1
	s := newSequence(t, cpu(t), F32, cfg)
	for _, n := range []int{30, 1, 16, 1, 1, 9} {
		s.step(n)
		require.False(t, s.c.adapter.InFlight(nil))
		s.requireBits(0, s.chunks())
		s.requireRows(F32)
	}
	require.Positive(t, s.seq.adapting.Moves.Promoted)
	require.Zero(t, s.seq.adapting.Moves.LateSteps)
	require.NoError(t, s.seq.Stats().Shortfall)
}

func TestHostBudgetIsExplained(t *testing.T) {
	for _, c := range []struct {
		name   string
		level  Level
		budget int64
		want   string
	}{
		{"head", LevelHead, 4 * 64 * 2 * 32 * 2, `^backend: adapt: token \d+ [kv], layer \d, KV head \d has \d bits and was to have \d in step \d: the host keeps rows of the tokens before 64 in 32768 bytes: host budget reached$`},
		{"layer", LevelLayer, 0, `^backend: adapt: token \d+ [kv], layer \d, KV head 0..1 has \d bits and was to have \d in step \d: the host keeps rows of the tokens before 0 in 0 bytes: host budget reached$`},
		{"token", LevelToken, 0, `^backend: adapt: token \d+ [kv], layer 0..1, KV head 0..1 has `},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := small
			cfg.HostBudget, cfg.Capacity, cfg.Synchronous, cfg.Level = c.budget, 140, true, c.level
			s := newSequence(t, cpu(t), F32, cfg)
			var err error
			for _, n := range []int{20, 20, 20, 20, 20, 9, 9, 9} {
				s.step(n)
				if _, err = s.seq.Adapt(context.Background()); err != nil {
					break
				}
			}
			require.ErrorIs(t, err, ErrHostBudget)
			require.Regexp(t, c.want, err.Error())
			require.EqualError(t, s.seq.Stats().Shortfall, err.Error())
			require.EqualError(t, s.c.Stats().Shortfall, err.Error())
			u := *s.seq.adapting.Shortfall
			require.GreaterOrEqual(t, s.c.work.TokenOf(u.Page.Page, u.Group), s.seq.host.Kept())
			require.Equal(t, u.Has, s.seq.table.PageBits(u.Page)[u.Group])
			require.Greater(t, u.Wants, u.Has)
			s.requireRows(F32)
			s.rollback(s.seq.Tokens())
			require.NoError(t, s.seq.Stats().Shortfall)
		})
	}
}

var large = Config{Layers: 4, KVHeads: 2, HeadDim: 64, Capacity: 500, MaxStepTokens: 100, OutlierFraction: 0.04, Policy: testQAQ(policy.Paper), AdaptEvery: 1, HostBudget: 1 << 24}

// A round goes on over steps where a batch is not all of it, and sequences take
// turns.
func TestRoundsOfSeveralBatchesAndSequences(t *testing.T) {
	for _, c := range []struct {
		name string
		// Words of the buffers, 0: as they are.
		bits, plan, supply int
	}{{"whole segments", 0, 0, 0}, {"parts of segments", 400, 0, 0}, {"short plans", 400, 1200, 0}, {"little supply", 0, 0, 320}} {
		t.Run(c.name, func(t *testing.T) {
			cfg := large
			cfg.Sequences, cfg.PageTokens = 2, 16
			s := newSequence(t, cpu(t), F32, cfg)
			resize(t, s.c.work.Device, &s.c.adapter.Bits, c.bits, device.Download)
			resize(t, s.c.work.Device, &s.c.adapter.Plan, c.plan, device.Upload)
			resize(t, s.c.work.Device, &s.c.adapter.Supply, c.supply, device.Upload)
			for range 3 {
				s.step(100)
			}
			f := s.fork()
			batches := 0
			for i := range 8 {
				for _, q := range []*sequence{s, f} {
					q.step(1)
					if s.c.adapter.InFlight(nil) {
						s.c.Lists() // waits for it
						batches++
					}
				}
				if i == 4 {
					require.Positive(t, s.seq.adapting.Moves.Demoted+s.seq.adapting.Moves.Promoted)
					require.Positive(t, f.seq.adapting.Moves.Demoted+f.seq.adapting.Moves.Promoted)
				}
			}
			require.GreaterOrEqual(t, batches, 14, "each step starts one")
			for _, q := range []*sequence{s, f} {
				q.requireRows(F16)
				q.adapt()
				q.requireFresh()
			}
			require.NoError(t, f.seq.Drop())
			s.step(1)
			s.requireRows(F16)
		})
	}
}

// resize puts a buffer of so many words in the place of one; 0 leaves it.
func resize(t *testing.T, d device.Device, b *device.Buffer, words int, m device.Memory) {
	if words == 0 {
		return
	}
	made, err := d.NewBuffer((*b).Label(), words, m)
	require.NoError(t, err)
	(*b).Release()
	*b = made
}

// What adapting holds does not grow, and nothing is left of it.
func TestManyAdaptationsHoldNoMore(t *testing.T) {
	running := goleak.IgnoreCurrent()
	cfg := small
	cfg.AdaptEvery, cfg.Capacity, cfg.MaxStepTokens = 1, 128, 8
	s := newSequence(t, cpu(t), F32, cfg)
	for range 8 {
		s.step(8)
	}
	staging, lists := s.c.Stats().Bytes.Staging, len(s.c.Lists())
	var most int64
	for i := range 150 {
		s.step(1)
		s.rollback(1)
		if s.c.adapter.InFlight(nil) {
			s.c.Lists() // waits for it
			words, _ := s.c.arena.Size()
			require.LessOrEqual(t, words, 4*s.seq.table.Words())
		}
		st := s.c.Stats()
		if i < 20 {
			most = max(most, st.Bytes.Committed)
		}
		require.LessOrEqual(t, st.Bytes.Committed, most+most/10)
		require.Equal(t, staging, st.Bytes.Staging)
		require.Equal(t, s.c.work.Device.Stats().LiveBytes, st.Bytes.Committed+st.Bytes.Staging)
	}
	require.LessOrEqual(t, len(s.c.Lists()), lists+1)
	require.Greater(t, s.c.Stats().Adapting.Batches, int64(100))
	s.c.Close()
	goleak.VerifyNone(t, running)
}
