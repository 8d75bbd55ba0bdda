package policy

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// bitsByFormula is section 3.3 of the paper, or the authors' code, with
// logarithms and divisions.
func bitsByFormula(f Formula, k shaders.Kind, r, s, err, norm, tokens float64) int {
	var e float64
	spread := math.Log(tokens*tokens*tokens/(tokens-1)*err*err + 1)
	switch {
	case f == Paper && k == shaders.Value:
		e = math.Sqrt(3) * err / (math.Sqrt(tokens) * s)
	case f == Paper:
		e = math.Sqrt(3) * math.Sqrt(spread/norm)
	case k == shaders.Value:
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
		for _, k := range []shaders.Kind{shaders.Key, shaders.Value} {
			t.Run(f.String()+" "+k.String(), func(t *testing.T) {
				seen := map[int]int{}
				for range 20000 {
					q := QAQ{Formula: f, KeyError: math.Exp2(6*rng.Float64() - 6), ValueError: math.Exp2(8*rng.Float64() - 10),
						MaxBits: 8, QueryNorms: [][]float64{{math.Exp2(10 * rng.Float64())}}}
					tokens, r, s := 2+rng.IntN(5000), float32(math.Exp2(8*rng.Float64()-2)), []float32{rng.Float32()}
					c := float32(q.Limit(k, 0, 0, tokens))
					err := []float64{q.KeyError, q.ValueError}[k]
					want := bitsByFormula(f, k, float64(r), float64(s[0]), err, q.QueryNorms[0][0], float64(tokens))
					rule := q.Rule(k)
					if rule.Weight == WeightOne {
						s[0] = 1
					}
					got := int(^uint32(shaders.Unmet) & cpuref.RuleBits(r, s[0], c, rule.Delta, 0, 8))
					if got != want { // only where the quotient is at a power of two but for rounding
						level := math.Log2(float64(r*s[0])/float64(c) + float64(rule.Delta))
						require.InDelta(t, math.Round(level), level, 1e-5)
						continue
					}
					seen[got]++
				}
				for b := int(QAQ{Formula: f, KeyError: 0.5, ValueError: 0.01, MaxBits: 8}.Rule(k).Delta); b < 9; b++ { // the authors give no group 0 bits
					assert.Greater(t, seen[b], 5, "%d bits", b)
				}
			})
		}
	}
}

func TestQAQWithOneToken(t *testing.T) {
	q := QAQ{KeyError: 0.5, ValueError: 0.01, MaxBits: 8}
	for _, k := range []shaders.Kind{shaders.Key, shaders.Value} {
		assert.Equal(t, q.Limit(k, 0, 0, 2), q.Limit(k, 0, 0, 1))
		assert.Positive(t, q.Limit(k, 0, 0, 1))
	}
	calibrated := q
	calibrated.QueryNorms = [][]float64{{DefaultQueryNorm}}
	assert.Equal(t, calibrated.Limit(shaders.Key, 0, 0, 100), q.Limit(shaders.Key, 0, 0, 100))
}
