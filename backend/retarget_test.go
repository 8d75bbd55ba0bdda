package backend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
)

// After another policy was set, a step without new tokens ends with the bits that its
// limits ask for.
func TestSetPolicy(t *testing.T) {
	for _, synchronous := range []bool{true, false} {
		cfg := small
		cfg.Synchronous = synchronous
		s := newSequence(t, cpu(t), F32, cfg)
		s.step(32)
		s.step(20)
		before := s.c.Stats()
		q := testQAQ(policy.Paper)
		q.KeyError, q.ValueError = q.KeyError*8, q.ValueError*8
		require.NoError(t, s.c.SetPolicy(q))
		s.cfg.Policy = q
		require.NoError(t, s.seq.Step(t.Context()))
		s.endRound()
		s.requireBits(0, s.chunks())
		s.requireRows(F32)
		after := s.c.Stats()
		require.Less(t, after.K.Mean, before.K.Mean)
		require.Less(t, after.V.Mean, before.V.Mean)
	}
}

func TestSetPolicyRefuses(t *testing.T) {
	s := newSequence(t, cpu(t), F32, small)
	other, wrong := testQAQ(policy.Authors), testQAQ(policy.Paper)
	wrong.KeyError = -1
	for want, p := range map[string]policy.Policy{
		"policy: none given":                      nil,
		"policy qaq: other rules than those of ":  other,
		"target error -1 for k: must be above 0":  wrong,
		"policy uniform: other rules than":        policy.Uniform{KeyBits: 3, ValueBits: 3},
		"policy h2o: one that gives weights itse": policy.H2O{Budget: 9},
	} {
		err := s.c.SetPolicy(p)
		require.ErrorIs(t, err, ErrConfig)
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, s.c.SetBytesBudget(9), "needs a profile")
	k := newSequence(t, cpu(t), F16, calibratedConfig(1, 2, 32, 32))
	require.ErrorContains(t, k.c.SetPolicy(policy.Levels{}), "follow from its profile")
	require.ErrorIs(t, k.c.SetBytesBudget(-1), ErrConfig)
	k.c.Close()
	require.ErrorIs(t, k.c.SetBytesBudget(0), ErrClosed)
	require.ErrorIs(t, k.c.SetPolicy(testQAQ(policy.Paper)), ErrClosed)
}

// A smaller budget is kept at once, a larger one used up, and none gives the levels of a
// cache that never had one.
func TestSetBytesBudget(t *testing.T) {
	cfg := calibratedConfig(2, 2, 64, 64)
	cfg.Synchronous = true
	s, whole := newSequence(t, cpu(t), F16, cfg), newSequence(t, cpu(t), F16, cfg)
	for s.tokens(0) < 400 {
		s.step(4)
		whole.step(4)
	}
	st := s.c.Stats().Bytes
	set := func(bytes int64) {
		require.NoError(t, s.c.SetBytesBudget(bytes))
		require.NoError(t, s.seq.Step(t.Context()))
		if bytes > 0 {
			require.LessOrEqual(t, s.c.Stats().Bytes.Live, bytes)
		}
	}
	set(st.Live - st.Stored*4/10)
	least := s.c.Stats()
	require.Positive(t, least.Lowered)
	set(st.Live - st.Stored*2/10)
	more := s.c.Stats()
	require.Greater(t, more.Bytes.Stored, least.Bytes.Stored*11/10)
	require.Less(t, more.Lowered, least.Lowered)
	s.requireRecords()

	require.NoError(t, s.c.SetBytesBudget(st.Tables+1000))
	require.ErrorIs(t, s.seq.Step(t.Context()), ErrBudget)
	set(0)
	require.Zero(t, s.c.Stats().Lowered)
	_, err := whole.seq.Adapt(t.Context())
	require.NoError(t, err)
	require.Equal(t, whole.inspected().Bits, s.inspected().Bits)
	s.requireRecords()
}
