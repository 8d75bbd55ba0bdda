package backend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
)

func TestSequencesEqualFreshOnes(t *testing.T) { testSequences(t, cpu(t), cacheCases) }

// Every buffer that a kernel of the cache writes is compared with the reference.
func TestSequencesOnVulkanAndReference(t *testing.T) {
	testSequences(t, openLLVMpipe(t, "both:llvmpipe"), cacheCases[:1])
	testSequences(t, openLLVMpipe(t, "both:llvmpipe"), cacheCases[3:4])
}

func testSequences(t *testing.T, d device.Device, cases []cacheCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Capacity, c.cfg.MaxStepTokens, c.cfg.AdaptEvery, c.cfg.HostBudget, c.cfg.Sequences = 120, 20, -1, 1<<22, 2
			s := newSequence(t, d, c.appended, c.cfg)
			empty := d.Stats().LiveBytes
			f := s.live()
			require.Equal(t, d.Stats().LiveBytes, f.c.Stats().Bytes.Committed+f.c.Stats().Bytes.Staging)
			require.NoError(t, f.seq.Drop())
			requireEmpty(t, f.c, empty-int64(4*(f.c.firstRing()*f.c.work.TokenWords+f.c.scheme.importanceWords())))
		})
	}
}

// live takes a sequence through its life, forks, rollbacks and its end, and
// returns the fork that is left.
func (s *sequence) live() (f *sequence) {
	for _, n := range []int{20, 20, 5, 20, 1, 7} {
		s.step(n)
	}
	s.adapt()
	before := s.c.Stats()
	f = s.fork()
	requireShared(s.t, before, s.c.Stats())
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
	require.NoError(s.t, s.seq.Drop())
	f.step(20)
	f.adapt()
	f.requireFresh()
	return f
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
	require.Equal(t, bytes, c.work.Device.Stats().LiveBytes)
}
