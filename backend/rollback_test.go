package backend

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every list and every buffer of fork, rollback and what follows fails once;
// the sequences go on as if nothing was.
func TestForksGoOnAfterFailures(t *testing.T) {
	broken := errors.New("broken")
	for n := range 24 {
		d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: broken}
		cfg := small
		cfg.Sequences, cfg.Capacity = 2, 160
		s := newSequence(t, d, F32, cfg)
		for range 4 {
			s.step(30)
		}
		if d.submits = n; n >= 12 {
			d.submits, d.buffers = -1, n-12
		}
		var failed []string
		attempt := func(name string, call func() error) {
			before, live := s.c.Stats(), d.Stats().LiveBytes
			err := call()
			if err == nil {
				return
			}
			require.ErrorIs(t, err, broken)
			failed = append(failed, name)
			d.submits, d.buffers = -1, -1
			if name != "step" {
				require.Equal(t, live, d.Stats().LiveBytes, "nothing is left of a failed %s", name)
				after := s.c.Stats()
				require.Equal(t, before.Tokens, after.Tokens)
				require.Equal(t, before.Stored, after.Stored)
				before.Bytes.Peak = after.Bytes.Peak // the attempt may have been the most
				require.Equal(t, before.Bytes, after.Bytes)
				s.requireRows(F32)
			}
			require.NoError(t, call())
		}
		var seq *Sequence
		attempt("fork", func() (err error) { seq, err = s.seq.Fork(); return err })
		f := s.model(seq)
		attempt("rollback", func() error { return s.seq.Rollback(90) })
		s.forget(90)
		submits, buffers := d.submits, d.buffers
		d.submits, d.buffers = -1, -1
		f.requireRows(F32)
		s.requireRows(F32)
		d.submits, d.buffers = submits, buffers
		for layer := range cfg.Layers {
			s.append(layer, 30)
			s.observe(layer, 30)
		}
		attempt("step", func() error { return s.seq.Step(context.Background()) })
		d.submits, d.buffers = -1, -1
		s.adapt()
		s.requireFresh()
		if n < 3 || n == 12 || n == 13 {
			require.Len(t, failed, 1, "case %d", n)
		}
		require.NoError(t, seq.Drop())
		require.NoError(t, s.seq.Drop())
		require.Zero(t, s.c.Stats().Segments)
	}
}

func TestRollbackInsideTheRingNeedsNoDevice(t *testing.T) {
	d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errors.New("broken")}
	cfg := small
	cfg.HostBudget, cfg.Capacity = 0, 160
	s := newSequence(t, d, F32, cfg)
	s.step(32)
	s.step(32)
	s.step(32) // the ring has 64 tokens: those from 32 on
	require.Equal(t, 80, s.seq.extent.Stored)
	d.submits, d.buffers = 0, 0
	for _, k := range []int{0, 1, 10, 20, 12} { // 53 are left, of which 48 are stored
		s.rollback(k)
	}
	require.Equal(t, 48, s.seq.extent.Stored)
	d.submits, d.buffers = -1, -1
	s.requireRows(F32)

	before := s.c.Stats()
	err := s.seq.Rollback(20)
	require.ErrorIs(t, err, ErrRollback)
	require.EqualError(t, err, "backend: rollback to 33 tokens: rows of the tokens 16..31 are needed, the host keeps the first 0: rows are gone")
	require.Equal(t, before, s.c.Stats())
	s.requireRows(F32)

	d.submits, d.buffers = 0, 0
	s.rollback(53)
	require.Zero(t, s.c.Stats().Segments)
	d.submits, d.buffers = -1, -1
	s.step(32)
	s.step(9)
	s.requireRows(F32)
}

// Where the host has too few rows because its budget is reached, and again
// when a rollback has made room.
func TestRollbackAndTheHostBudget(t *testing.T) {
	cfg := small
	cfg.Capacity, cfg.HostBudget = 256, 4*64*2*32*2 // the first 64 tokens
	s := newSequence(t, cpu(t), F32, cfg)
	for range 5 {
		s.step(32)
	}
	require.Equal(t, 64, s.seq.host.Kept())
	require.ErrorIs(t, s.seq.Rollback(60), ErrRollback) // rows from 80 on are needed, the ring begins at 96
	s.rollback(100)                                     // from 48 on: the host has up to 63, the ring from 96
	require.Equal(t, 48, s.seq.host.Kept())
	s.requireRows(F32)
	s.step(20)
	require.Equal(t, 64, s.seq.host.Kept(), "there is room again")
	s.requireRows(F32)
}
