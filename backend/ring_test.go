package backend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
)

func ringConfig() Config {
	return Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 700, Recent: 6, PageTokens: 16, MaxStepTokens: 100,
		Policy: policy.Uniform{KeyBits: 5, ValueBits: 4}, HostBudget: 1 << 24, Sequences: 2}
}

// room is that of the ring, in tokens, which Stats counts.
func (s *sequence) room() int {
	b := s.seq.Stats().Bytes
	require.Equal(s.t, 4*int64(s.seq.window.Ring.Tokens*s.c.work.TokenWords+s.c.scheme.importanceWords())+4*s.seq.table.Words()+b.Slack, b.Committed)
	return s.seq.window.Ring.Tokens
}

// Steps of many tokens make the ring larger, and when there were none for a while it is
// small again. What Attend returns does not depend on it.
func TestRingFollowsSteps(t *testing.T) {
	s := newSequence(t, cpu(t), F32, ringConfig())
	cfg := ringConfig()
	cfg.HostBudget = 0
	whole := newSequence(t, cpu(t), F32, cfg)
	take := func(tokens int) {
		for layer := range s.cfg.Layers {
			for _, q := range []*sequence{s, whole} {
				q.append(layer, tokens)
			}
			require.Equal(t, whole.attend(layer, whole.queries(tokens), AttendOptions{}), s.attend(layer, s.queries(tokens), AttendOptions{}))
		}
		for _, q := range []*sequence{s, whole} {
			require.NoError(t, q.seq.Step(t.Context()))
		}
		require.Equal(t, 128, whole.room())
	}
	require.Equal(t, 32, s.room())
	for _, c := range []struct{ tokens, room int }{{16, 32}, {16, 32}, {16, 32}, {1, 32}, {31, 48}, {100, 128}, {1, 128}} {
		take(c.tokens)
		require.Equal(t, c.room, s.room(), "step of %d", c.tokens)
	}
	for range 2 * ringSteps {
		take(1)
	}
	require.Equal(t, 32, s.room())
	s.requireRows(F32)
	for range 2 * ringSteps {
		take(7)
	}
	require.Equal(t, 32, s.room(), "6 recent, at most 15 that are no page, and 7")
	take(70)
	fork := s.fork()
	require.Equal(t, s.room(), fork.room())
	for _, q := range []*sequence{s, fork} {
		q.step(20)
		q.rollback(60) // more than the ring has
		q.requireRows(F32)
	}
}

// A ring that grows within a step keeps what the step's first calls appended.
func TestRingGrowsWithinAStep(t *testing.T) {
	s := newSequence(t, cpu(t), F32, ringConfig())
	for range 3 {
		s.step(9)
	}
	s.append(0, 4)
	s.attend(0, s.queries(4), AttendOptions{}) // they are in the ring
	s.append(1, 4)
	s.append(0, 90)
	require.Equal(t, 112, s.room())
	s.append(1, 90)
	s.requireRows(F32)
	require.NoError(t, s.seq.Step(t.Context()))
	s.requireRows(F32)
	s.rollback(94)
	s.requireRows(F32)
}

// Where the host does not keep all rows, the ring is one from which any step of
// MaxStepTokens can be rolled back.
func TestRingIsWholeWhereTheHostKeepsTooLittle(t *testing.T) {
	cfg := ringConfig()
	cfg.HostBudget = 1 << 15
	s := newSequence(t, cpu(t), F32, cfg)
	require.Equal(t, 32, s.room())
	for range 16 {
		s.step(16)
	}
	require.Equal(t, 128, s.room())
	for range 2 * ringSteps {
		s.step(1)
	}
	require.Equal(t, 128, s.room())
	s.rollback(20)
	s.requireRows(F32)
}

// Beside a reserve a ring has room for a prompt of whole pages at once, and what it
// grows by stays.
func TestRingBesideAReserve(t *testing.T) {
	cfg := ringConfig()
	cfg.MaxStepTokens, cfg.Reserve = 32, 1<<20
	s := newSequence(t, cpu(t), F32, cfg)
	taken := s.c.work.Device.Stats()
	for range 5 {
		s.step(32)
	}
	for range 20 {
		s.step(1)
	}
	require.Equal(t, 48, s.room())
	require.Equal(t, taken.PeakBytes, s.c.work.Device.Stats().PeakBytes)
	s.step(32)
	require.Equal(t, 64, s.room())
	for range 2 * ringSteps {
		s.step(1)
	}
	require.Equal(t, 64, s.room())
}

// Without memory for a larger ring Append fails, nothing is lost, and the step can go on
// with fewer tokens.
func TestRingThatCannotGrow(t *testing.T) {
	d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errBroken}
	s := newSequence(t, d, F32, ringConfig())
	for range 3 {
		s.step(10)
	}
	d.succeed(0, -1)
	rows := RowsF32(make([]float32, 60*2*32))
	require.EqualError(t, s.seq.Append(0, rows, rows), "backend: recent window of sequence 0: broken")
	require.Equal(t, 32, s.room())
	for layer := range s.cfg.Layers {
		s.append(layer, 1)
	}
	d.succeed(-1, -1)
	require.NoError(t, s.seq.Step(t.Context()))
	s.requireRows(F32)
}

// Two caches that have their memory in different places return the same bits, whatever
// is done with their sequences.
func TestMemoryChangesNoBits(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 9))
		cfg := Config{Layers: 1 + rng.IntN(3), KVHeads: 1 + rng.IntN(2), HeadDim: 32, Capacity: 500, Recent: 1 + rng.IntN(40), PageTokens: 4 << rng.IntN(4),
			MaxStepTokens: 1 + rng.IntN(90), OutlierFraction: .05, Policy: testQAQ(policy.Paper), Synchronous: true, AdaptEvery: 1 + rng.IntN(9),
			HostBudget: 1 << 26, Sequences: 3}
		cfg.QueryHeads = cfg.KVHeads * (1 + rng.IntN(3))
		if seed%3 == 0 {
			c := calibratedConfig(cfg.Layers, cfg.KVHeads, cfg.HeadDim, cfg.HeadDim)
			cfg.Profile, cfg.Policy, cfg.OutlierFraction, cfg.PageTokens = c.Profile, nil, 0, 0
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var sides [2]memorySide
			for i := range sides {
				sides[i].sequence = newSequence(t, cpu(t), F32, cfg)
				sides[i].live = []*sequence{sides[i].sequence}
				cfg.Reserve, cfg.Scratch = int64(rng.IntN(1<<21)), 1<<22
			}
			for range 60 {
				op, which, n := rng.IntN(10), rng.IntN(3), 1+rng.IntN(cfg.MaxStepTokens)
				var outs [2][]float32
				for i := range sides {
					outs[i] = sides[i].do(op, which, n)
				}
				require.Equal(t, wordsOf(outs[0]), wordsOf(outs[1]))
			}
		})
	}
}

// memorySide is one of the caches, with its sequences.
type memorySide struct {
	*sequence
	live []*sequence
}

// do takes a step of n tokens, or one of one token, of one of the sequences, forks it, or
// rolls it back, and returns what it attended.
func (m *memorySide) do(op, which, n int) (out []float32) {
	s := m.live[which%len(m.live)]
	switch {
	case op == 0 && len(m.live) < s.cfg.Sequences:
		m.live = append(m.live, s.fork())
		return nil
	case op == 1:
		s.rollback(min(n, s.seq.Tokens()))
		return nil
	case op == 2 && len(m.live) > 1:
		require.NoError(s.t, s.seq.Drop())
		m.live = slices.DeleteFunc(m.live, func(o *sequence) bool { return o == s })
		return nil
	case op < 7:
		n = 1
	}
	if n = min(n, s.cfg.Capacity-s.seq.Tokens()); n == 0 {
		return nil
	}
	for layer := range s.cfg.Layers {
		s.append(layer, n)
		out = append(out, s.attend(layer, s.queries(n), AttendOptions{})...)
	}
	require.NoError(s.t, s.seq.Step(s.t.Context()))
	return out
}
