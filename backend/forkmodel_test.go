package backend

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// fork forks the sequence and its model; what both get from here differs.
func (s *sequence) fork() *sequence {
	seq, err := s.seq.Fork()
	require.NoError(s.t, err)
	return s.model(seq)
}

// model is a copy of the model for a fork.
func (s *sequence) model(seq *Sequence) *sequence {
	f := *s
	f.seq, f.rng, f.seen = seq, rand.New(rand.NewPCG(3, uint64(s.seq.extent.Tokens))), slices.Clone(s.seen)
	f.probs = make([][][]float32, len(s.probs))
	for layer := range s.probs {
		f.probs[layer] = slices.Clone(s.probs[layer])
	}
	for k := range s.rows {
		f.rows[k] = make([][]uint32, len(s.rows[k]))
		for layer := range s.rows[k] {
			f.rows[k][layer] = slices.Clone(s.rows[k][layer])
		}
	}
	return &f
}

// forget drops the last tokens of the model.
func (s *sequence) forget(tokens int) {
	end := s.tokens(0) - tokens
	for k := range s.rows {
		for layer := range s.rows[k] {
			s.rows[k][layer] = s.rows[k][layer][:end*s.c.work.LayerWords]
		}
	}
	for len(s.seen) > 0 && s.seen[len(s.seen)-1] > end {
		s.seen = s.seen[:len(s.seen)-1]
	}
	for layer := range s.probs {
		s.probs[layer] = s.probs[layer][:len(s.seen)]
	}
}

func (s *sequence) rollback(tokens int) {
	require.NoError(s.t, s.seq.Rollback(tokens))
	s.forget(tokens)
	require.Equal(s.t, s.tokens(0), s.seq.Tokens())
}

func (s *sequence) adapt() Moves {
	m, err := s.seq.Adapt(context.Background())
	require.NoError(s.t, err)
	return m
}

// fresh is a cache of its own that got the same tokens and attention rows.
func (s *sequence) fresh() *sequence {
	cfg := s.cfg
	cfg.HostBudget, cfg.Reserve = 1<<24, 0
	f := newSequence(s.t, s.c.work.Device, cfg.Type, cfg)
	heads, each := testQueryHeads*s.cfg.KVHeads, s.c.work.LayerWords
	for from, all := 0, s.tokens(0); from < all; {
		n := min(s.cfg.MaxStepTokens, all-from)
		for layer := range s.cfg.Layers {
			var rows [2]Rows
			for k := range rows {
				words := s.rows[k][layer][from*each : (from+n)*each]
				f.rows[k][layer] = append(f.rows[k][layer], words...)
				rows[k] = rowsOf(s.cfg.Type, words)
			}
			require.NoError(s.t, f.seq.Append(layer, rows[shaders.Key], rows[shaders.Value]))
			probs := make([]float32, 0, n*heads*(from+n))
			for q := from; q < from+n; q++ {
				for h := range heads {
					probs = append(probs, s.probs[layer][q][h*s.cfg.Capacity:][:from+n]...)
				}
			}
			require.NoError(s.t, f.seq.Observe(layer, probs, n, heads))
		}
		require.NoError(s.t, f.seq.Step(context.Background()))
		from += n
	}
	return f
}

func (s *sequence) read(layer int) [2][]byte {
	n := s.tokens(layer) * s.cfg.KVHeads * s.cfg.HeadDim * 4
	out := [2][]byte{make([]byte, n), make([]byte, n)}
	tokens, err := s.seq.Read(layer, RowsBytes(F32, out[0]), RowsBytes(F32, out[1]))
	require.NoError(s.t, err)
	require.Equal(s.t, s.tokens(layer), tokens)
	return out
}

// requireFresh compares with a cache built afresh: what is read, what is
// stored, and every page's bits.
func (s *sequence) requireFresh() {
	f := s.fresh()
	f.adapt()
	require.Equal(s.t, f.seq.extent.Stored, s.seq.extent.Stored)
	require.Equal(s.t, f.mirror(), s.mirror())
	require.Equal(s.t, f.seq.table.Count(), s.seq.table.Count())
	for layer := range s.cfg.Layers {
		require.Equal(s.t, f.read(layer), s.read(layer), "layer %d", layer)
	}
	f.c.Close()
}

func (s *sequence) fixed() bool { return s.c.rangedScheme().Rules[shaders.Key].Fixed }
