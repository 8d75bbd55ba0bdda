package backend

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/vk"
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
	f.seq, f.rng, f.seen = seq, rand.New(rand.NewPCG(3, uint64(s.seq.tokens))), slices.Clone(s.seen)
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
			s.rows[k][layer] = s.rows[k][layer][:end*s.c.geo.layerWords]
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
	cfg.HostBudget = 1 << 24
	f := newSequence(s.t, s.c.dev, cfg.Type, cfg)
	heads, each := testQueryHeads*s.cfg.KVHeads, s.c.geo.layerWords
	for from, all := 0, s.tokens(0); from < all; {
		n := min(s.cfg.MaxAppend, all-from)
		for layer := range s.cfg.Layers {
			var rows [2]Rows
			for k := range rows {
				words := s.rows[k][layer][from*each : (from+n)*each]
				f.rows[k][layer] = append(f.rows[k][layer], words...)
				rows[k] = rowsOf(s.cfg.Type, words)
			}
			require.NoError(s.t, f.seq.Append(layer, rows[Key], rows[Value]))
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
	require.Equal(s.t, f.seq.stored, s.seq.stored)
	require.Equal(s.t, f.seq.store.bits, s.seq.store.bits)
	require.Equal(s.t, f.seq.store.total, s.seq.store.total)
	for layer := range s.cfg.Layers {
		require.Equal(s.t, f.read(layer), s.read(layer), "layer %d", layer)
	}
	require.NoError(s.t, f.c.Close())
}

func (s *sequence) fixed() bool { return s.c.rules[Key].Fixed }

func TestSequencesEqualFreshOnes(t *testing.T) { testSequences(t, cpu(t), cacheCases) }

// Every buffer that a kernel of the cache writes is compared with the reference.
func TestSequencesOnVulkanAndReference(t *testing.T) {
	testSequences(t, openVulkan(t, "both:llvmpipe"), cacheCases[:1])
	testSequences(t, openVulkan(t, "both:llvmpipe"), cacheCases[3:4])
}

func testSequences(t *testing.T, d Device, cases []cacheCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Capacity, c.cfg.MaxAppend, c.cfg.AdaptEvery, c.cfg.HostBudget, c.cfg.Sequences = 120, 20, -1, 1<<22, 2
			s := newSequence(t, d, c.appended, c.cfg)
			empty := d.Stats().LiveBytes
			for _, n := range []int{20, 20, 5, 20, 1, 7} {
				s.step(n)
			}
			s.adapt()
			before := s.c.Stats()
			f := s.fork()
			requireShared(t, before, s.c.Stats())
			for _, q := range []*sequence{s, f} {
				q.requireRows(F32)
				q.requireFresh()
			}
			s.step(9)
			f.step(13)
			s.step(2)
			for _, q := range []*sequence{s, f} {
				q.requireRows(F16)
				q.adapt()
				q.requireFresh()
			}
			f.rollback(3)
			s.rollback(40) // the ring has not all of it
			if s.fixed() {
				s.requireFresh()
				f.requireFresh()
			}
			s.step(11)
			f.step(6)
			for _, q := range []*sequence{s, f} {
				q.adapt()
				q.requireBits(0, q.chunks())
				q.requireRows(F32)
				q.requireFresh()
			}
			require.NoError(t, s.seq.Drop())
			f.step(20)
			f.adapt()
			f.requireFresh()
			require.Equal(t, d.Stats().LiveBytes, f.c.Stats().Bytes.Committed+f.c.Stats().Bytes.Staging)
			require.NoError(t, f.seq.Drop())
			requireEmpty(t, f.c, empty-int64(4*f.c.geo.slots*f.c.geo.slotWords()))
		})
	}
}

// requireShared compares the totals of a cache before and after a fork.
func requireShared(t *testing.T, before, after Stats) {
	require.Equal(t, 2, after.Sequences)
	require.Equal(t, 2*before.Tokens, after.Tokens)
	require.Equal(t, before.Segments, after.Segments)
	require.Equal(t, before.Pages, after.Pages)
	require.Equal(t, before.K, after.K)
	require.Equal(t, before.Bytes.Slack, after.Bytes.Slack)
}

// requireEmpty wants a cache without sequences on a device with that many bytes.
func requireEmpty(t *testing.T, c *Cache, bytes int64) {
	st := c.Stats()
	require.Zero(t, st.Segments)
	require.Zero(t, st.Pages)
	require.Zero(t, st.Tokens)
	require.Zero(t, st.Sequences)
	require.Zero(t, st.Bytes.Live)
	require.Zero(t, st.Bytes.Committed)
	require.Zero(t, st.Bytes.Host)
	require.Equal(t, bytes, c.dev.Stats().LiveBytes)
}

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
	require.NoError(t, s.c.Close())
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
	require.NoError(t, s.c.Close())
	require.Zero(t, d.Stats().LiveBytes)
}

func TestForksGoOnSharing(t *testing.T) {
	s := newSequence(t, cpu(t), F32, Config{Layers: 2, KVHeads: 1, HeadDim: 32, Capacity: 200, Sequences: 3, Policy: Uniform{3, 5}})
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
func TestRollbackBesideWaitingRows(t *testing.T) {
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
