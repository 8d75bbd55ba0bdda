package backend

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

func TestGroupGetsTheLeastLimitOfItsHeads(t *testing.T) {
	for _, c := range []struct {
		level Level
		want  []float64 // [unit][group of a token], by the norms below
	}{
		{LevelHead, []float64{4, 1, 64, 16}},
		{LevelLayer, []float64{4, 64}},
		{LevelToken, []float64{64}},
	} {
		t.Run(c.level.String(), func(t *testing.T) {
			q := testQAQ(policy.Paper)
			q.QueryNorms = [][]float64{{4, 1}, {64, 16}}
			cfg := Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 32, Level: c.level, Policy: q}
			cache := newSequence(t, cpu(t), F32, cfg).c
			for i, norm := range c.want {
				per := cache.work.TokenGroups
				single := policy.QAQ{KeyError: q.KeyError, ValueError: 1, MaxBits: 8, QueryNorms: [][]float64{{norm}}}
				assert.Equal(t, float32(single.Limit(shaders.Key, 0, 0, 30)), cache.rangedScheme().Limit(shaders.Key, i/per, i%per, 30))
			}
		})
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"f16", "bf16", "f32"} {
		v, err := ParseType(name)
		require.NoError(t, err)
		assert.Equal(t, name, v.String())
	}
	for _, name := range []string{"head", "layer", "token"} {
		v, err := ParseLevel(name)
		require.NoError(t, err)
		assert.Equal(t, name, v.String())
	}
	for _, name := range []string{"paper", "authors"} {
		v, err := policy.ParseFormula(name)
		require.NoError(t, err)
		assert.Equal(t, name, v.String())
	}
	_, err := ParseLevel("row")
	assert.EqualError(t, err, `backend: level "row": must be one of [head layer token]`)
	assert.Equal(t, []string{"qaq", "uniform", "none"}, []string{policy.QAQ{}.Name(), policy.Uniform{}.Name(), policy.None{}.Name()})
}

// What a bound asks for beyond the most bits is counted, by the last choice, and
// raw groups keep every bound.
func TestUnmetBoundsAreCounted(t *testing.T) {
	count := func(q policy.QAQ) (k, v, groups int64) {
		cfg := small
		cfg.Policy, cfg.Capacity, cfg.HostBudget, cfg.Sequences = q, 128, 1<<20, 2
		s := newSequence(t, cpu(t), F32, cfg)
		s.step(32)
		s.step(32)
		s.step(20)
		s.adapt()
		st := s.seq.Stats()
		require.Equal(t, st, s.fork().seq.Stats().withMoves(st))
		return st.K.Unmet, st.V.Unmet, int64(s.seq.extent.Stored * cfg.Layers * cfg.KVHeads)
	}
	q := policy.QAQ{KeyError: 1e-9, ValueError: 1e3, MinBits: 1, MaxBits: 8}
	k, v, groups := count(q)
	require.Equal(t, groups, k)
	require.Zero(t, v)
	q.MaxBits = shaders.Raw
	k, _, _ = count(q)
	require.Zero(t, k)
	q = policy.QAQ{KeyError: 1e3, ValueError: 0.02, MinBits: 0, MaxBits: 3, QueryNorms: [][]float64{{1e-3, 1e-3}, {1e-3, 1e-3}}}
	k, v, groups = count(q)
	require.Zero(t, k)
	require.Positive(t, v)
	require.Less(t, v, groups)
}

// withMoves has the counts of the moves and times of another.
func (s Stats) withMoves(o Stats) Stats {
	s.Moves, s.Submits, s.Times, s.Bytes.Peak = o.Moves, o.Submits, o.Times, o.Bytes.Peak
	return s
}
