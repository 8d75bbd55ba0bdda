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
				assert.Equal(t, float32(single.Limit(shaders.Key, 0, 0, 30)), cache.chooser.Limit(shaders.Key, i/per, i%per, 30))
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
