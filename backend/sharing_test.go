package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/vk"
)

func TestSequencesRefuse(t *testing.T) {
	cfg := small
	cfg.Sequences = 2
	s := newSequence(t, cpu(t), F32, cfg)
	s.step(30)
	other, err := s.c.NewSequence()
	require.NoError(t, err)
	_, err = s.c.NewSequence()
	require.ErrorIs(t, err, ErrSequences)
	require.EqualError(t, err, "backend: sequence 3: limit 2: too many sequences")
	_, err = s.seq.Fork()
	require.ErrorIs(t, err, ErrSequences)

	require.EqualError(t, s.seq.Rollback(31), "backend: rollback of 31 tokens: sequence 0 has 30")
	require.EqualError(t, s.seq.Rollback(-1), "backend: rollback of -1 tokens: sequence 0 has 30")
	s.append(1, 2)
	require.EqualError(t, s.seq.Rollback(1), "backend: rollback: layer 1 has 2 tokens of the current step: step not finished")
	_, err = s.seq.Fork()
	require.ErrorIs(t, err, ErrUnfinishedStep)
	s.append(0, 2)
	require.NoError(t, s.seq.Step(context.Background()))

	require.NoError(t, other.Append(0, RowsF32(make([]float32, 64)), RowsF32(make([]float32, 64))))
	require.NoError(t, other.Drop())
	for _, q := range []*Sequence{other, {}, nil} {
		one := RowsF32(make([]float32, 64))
		_, forked := q.Fork()
		_, read := q.Read(0, one, one)
		_, adapted := q.Adapt(context.Background())
		for _, err := range []error{forked, read, adapted, q.Append(0, one, one), q.Observe(0, nil, 1, 2),
			q.Step(context.Background()), q.Rollback(1), q.Drop()} {
			require.ErrorIs(t, err, ErrUnknownSequence)
		}
		require.Zero(t, q.Tokens())
		require.Equal(t, Stats{}, q.Stats())
	}
	require.EqualError(t, other.Drop(), "backend: sequence 1: unknown sequence")
	s.requireRows(F32)
	s.c.Close()
	_, err = s.c.NewSequence()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, s.seq.Drop(), ErrClosed)
}

// Rows of several sequences wait in the same buffer; promotions need it too.
func TestWaitingRowsOfSeveralSequences(t *testing.T) {
	cfg := small
	cfg.Sequences, cfg.Capacity = 3, 100
	s := newSequence(t, cpu(t), F32, cfg)
	s.step(32)
	s.step(20)
	all := []*sequence{s, s.fork(), s.fork()}
	var promoted int64
	for i := range 8 {
		for layer := range cfg.Layers {
			for _, q := range all {
				q.append(layer, 5)
				q.observe(layer, 5)
			}
		}
		promoted += all[i%3].adapt().Promoted // in the middle of a step
		for j, q := range all {
			if j != i%3 {
				q.requireRows(F16)
			}
		}
		for _, q := range all {
			require.NoError(t, q.seq.Step(context.Background()))
			q.requireRows(F32)
		}
	}
	require.Positive(t, promoted)
	require.NoError(t, all[1].seq.Drop())
	all[0].requireRows(F32)
	all[2].requireRows(F32)
}

func TestLostDeviceIsTheCaches(t *testing.T) {
	d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: vk.ErrDeviceLost}
	cfg := small
	cfg.Sequences = 3
	s := newSequence(t, d, F32, cfg)
	s.step(30)
	other, err := s.c.NewSequence()
	require.NoError(t, err)
	d.submits = 0
	_, err = s.seq.Fork()
	require.EqualError(t, err, "backend: fork: device lost: the cache can only be closed")
	d.submits = -1
	_, err = s.c.NewSequence()
	require.ErrorIs(t, err, vk.ErrDeviceLost)
	require.ErrorIs(t, other.Rollback(0), vk.ErrDeviceLost)
	require.NoError(t, other.Drop())
	s.c.Close()
	require.Zero(t, d.Stats().LiveBytes)
}

func TestForksGoOnSharing(t *testing.T) {
	s := newSequence(t, cpu(t), F32, Config{Layers: 2, KVHeads: 1, HeadDim: 32, Capacity: 200, Sequences: 3, Policy: policy.Uniform{KeyBits: 3, ValueBits: 5}})
	s.step(32)
	s.step(32)
	pages := s.c.Stats().Pages
	all := []*sequence{s, s.fork(), s.fork()}
	for _, q := range all {
		q.step(32)
	}
	for _, q := range all {
		require.Equal(t, 4, q.seq.Stats().Segments, "in each layer the shared one and its own")
		q.requireRows(F16)
		q.requireFresh()
	}
	st := s.c.Stats()
	require.Equal(t, 2*(1+3), st.Segments)
	require.Equal(t, pages+3*(s.seq.Stats().Pages-pages), st.Pages)
	for _, q := range all[1:] {
		require.NoError(t, q.seq.Drop())
	}
	st, own := s.c.Stats(), s.seq.Stats()
	st.Moves, own.Moves = Moves{}, Moves{}
	require.Equal(t, st, own)
}

// A restore needs the buffer in which rows of another sequence wait.
func TestRollbackWithWaitingRows(t *testing.T) {
	cfg := small
	cfg.Sequences, cfg.Capacity = 2, 160
	s := newSequence(t, cpu(t), F32, cfg)
	for range 4 {
		s.step(30)
	}
	f := s.fork()
	for layer := range cfg.Layers {
		f.append(layer, 5)
	}
	s.rollback(90)
	s.requireRows(F32)
	f.requireRows(F32)
}
