package backend

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/cpuref"
)

// bitsByFormula is section 3.3 of the paper, or the authors' code, with
// logarithms and divisions.
func bitsByFormula(f Formula, k Kind, r, s, err, norm, tokens float64) int {
	var e float64
	spread := math.Log(tokens*tokens*tokens/(tokens-1)*err*err + 1)
	switch {
	case f == Paper && k == Value:
		e = math.Sqrt(3) * err / (math.Sqrt(tokens) * s)
	case f == Paper:
		e = math.Sqrt(3) * math.Sqrt(spread/norm)
	case k == Value:
		e = math.Sqrt(12/tokens) * err / s
	default:
		e = math.Sqrt(12 / norm * spread)
	}
	levels := r / (2 * e)
	if f == Authors {
		levels++
	}
	return int(min(max(math.Ceil(math.Log2(levels)), 0), 8))
}

func TestQAQIsTheFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, f := range []Formula{Paper, Authors} {
		for _, k := range []Kind{Key, Value} {
			t.Run(f.String()+" "+k.String(), func(t *testing.T) {
				seen := map[int]int{}
				for range 20000 {
					q := QAQ{Formula: f, KeyError: math.Exp2(6*rng.Float64() - 6), ValueError: math.Exp2(8*rng.Float64() - 10),
						MaxBits: 8, QueryNorms: [][]float64{{math.Exp2(10 * rng.Float64())}}}
					tokens, r, s := 2+rng.IntN(5000), float32(math.Exp2(8*rng.Float64()-2)), []float32{rng.Float32()}
					c := limit32(q.Limit(k, 0, 0, tokens))
					err := []float64{q.KeyError, q.ValueError}[k]
					want := bitsByFormula(f, k, float64(r), float64(s[0]), err, q.QueryNorms[0][0], float64(tokens))
					rule := q.Rule(k)
					if rule.Weight == WeightOne {
						s[0] = 1
					}
					got := int(cpuref.Bits(r, s[0], c, rule.delta(), 0, 8))
					if got != want { // only where the quotient is at a power of two but for rounding
						level := math.Log2(float64(r*s[0])/float64(c) + float64(rule.delta()))
						require.InDelta(t, math.Round(level), level, 1e-5)
						continue
					}
					seen[got]++
				}
				for b := int(testQAQ(f).Rule(k).delta()); b < 9; b++ { // the authors give no group 0 bits
					assert.Greater(t, seen[b], 5, "%d bits", b)
				}
			})
		}
	}
}

func TestQAQWithOneToken(t *testing.T) {
	q := testQAQ(Paper)
	for _, k := range []Kind{Key, Value} {
		assert.Equal(t, q.Limit(k, 0, 0, 2), q.Limit(k, 0, 0, 1))
		assert.Positive(t, q.Limit(k, 0, 0, 1))
	}
	calibrated := q
	calibrated.QueryNorms = [][]float64{{DefaultQueryNorm}}
	assert.Equal(t, calibrated.Limit(Key, 0, 0, 100), q.Limit(Key, 0, 0, 100))
}

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
			q := testQAQ(Paper)
			q.QueryNorms = [][]float64{{4, 1}, {64, 16}}
			cfg := Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 32, Level: c.level, Policy: q}
			cache := newSequence(t, cpu(t), F32, cfg).c
			for i, norm := range c.want {
				per := cache.geo.tokenGroups
				single := QAQ{KeyError: q.KeyError, ValueError: 1, MaxBits: 8, QueryNorms: [][]float64{{norm}}}
				assert.Equal(t, single.Limit(Key, 0, 0, 30), cache.limit(Key, i/per, i%per, 30))
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
		v, err := ParseFormula(name)
		require.NoError(t, err)
		assert.Equal(t, name, v.String())
	}
	_, err := ParseLevel("row")
	assert.EqualError(t, err, `backend: level "row": must be one of [head layer token]`)
	assert.Equal(t, []string{"qaq", "uniform", "none"}, []string{QAQ{}.Name(), Uniform{}.Name(), None{}.Name()})
}
