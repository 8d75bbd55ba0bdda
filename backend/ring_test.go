package backend

import (
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
