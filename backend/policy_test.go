package backend

import (
	"math"
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
				per := cache.geo.tokenGroups
				single := policy.QAQ{KeyError: q.KeyError, ValueError: 1, MaxBits: 8, QueryNorms: [][]float64{{norm}}}
				assert.Equal(t, single.Limit(shaders.Key, 0, 0, 30), cache.limit(shaders.Key, i/per, i%per, 30))
			}
		})
	}
}

func TestLimitsAndWeightsKeepToTheContract(t *testing.T) {
	for _, c := range []struct{ in, want float64 }{{-1, 0}, {math.NaN(), 0}, {1, 1}, {1e300, 0x1p100}, {math.Inf(1), 0x1p100}} {
		assert.Equal(t, float32(c.want), limit32(c.in))
	}
	for _, c := range []struct{ in, want float32 }{{-1, -1}, {float32(math.NaN()), -1}, {0, 0}, {0.5, 0.5}, {1e30, 0x1p20}} {
		assert.Equal(t, c.want, weight32(c.in))
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
