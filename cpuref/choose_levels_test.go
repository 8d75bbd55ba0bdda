package cpuref

import (
	"math"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leveled runs what follows from the probabilities of a call: the decayed importance
// of its tokens and, with their layer normalized, their levels.
func leveled(t testing.TB, a attention, r results) (levels, importance []uint32) {
	n := uint32(a.tokens)
	importance = guarded(shaders.ImportanceHeader + shaders.ImportanceWords(a.tokens))
	push := shaders.AccumulateImportancePush{Vectors: uint32(a.vectors()), PerHead: uint32(a.perHead), QueryEnd: uint32(a.n),
		Heads: uint32(a.heads), Stride: uint32(a.stride()), Block: 2, Fraction: 20}
	frame := shaders.DecayFrame{Tokens: n, Base: uint32(a.base()), Age: uint32(a.n)}.AppendTo(nil)
	require.NoError(t, AccumulateImportance(a.spec(0, 0), push, frame, r.probabilities, importance, nil))
	thresholds := shaders.LevelThresholds(0.1, 0)
	plan := shaders.NormalizeJob{First: 4, Tokens: n, Stored: n, Sink: 1 << 20}.AppendTo(thresholds[:])
	require.NoError(t, NormalizeImportance(shaders.Spec{}, shaders.NormalizeImportancePush{Jobs: shaders.LevelBounds}, 1, plan, importance))
	levels = make([]uint32, n)
	choose := shaders.ChooseLevelsPush{Tokens: n, TokensPerJob: n, First: 4, Mean: shaders.MeanLevel(thresholds)}
	require.NoError(t, ChooseLevels(shaders.Spec{}, choose, []uint32{0, 0, n - 1}, importance, levels))
	return levels, importance
}

// levelByLogarithm is the rule of levels as it is written, in float64.
func levelByLogarithm(share, floor float64, shift int) float64 {
	level := math.Log2((share+floor)/(1+floor))/2 + float64(shift)/16
	return min(max(math.Floor(2*level+0.5)+3, 0), shaders.LevelBounds)
}

// TestLevelsAreThoseOfTheRule compares levels with the logarithm over importance of
// many magnitudes; they may differ where a share lies within 2^-15 of a threshold.
func TestLevelsAreThoseOfTheRule(t *testing.T) {
	for _, floor := range []float32{0.1, 0.01, 0.5} {
		for shift := -40; shift <= 40; shift += 5 {
			const n = 2000
			random := randomWords(n, uint64(shift)+99)
			for i, w := range random {
				random[i] = w >> (12 + w%19)
			}
			layer := keep(random)
			thresholds := shaders.LevelThresholds(floor, shift)
			plan := shaders.NormalizeJob{Tokens: n}.AppendTo(thresholds[:])
			require.NoError(t, NormalizeImportance(shaders.Spec{}, shaders.NormalizeImportancePush{Jobs: shaders.LevelBounds}, 1, plan, layer))
			levels := make([]uint32, n)
			push := shaders.ChooseLevelsPush{Tokens: n, TokensPerJob: n}
			require.NoError(t, ChooseLevels(shaders.Spec{}, push, []uint32{0, 0, n}, layer, levels))
			sum, count := float64(layer[9]), float64(layer[10])
			require.EqualValues(t, n, count)
			importance := keptOf(layer, n)
			for i, level := range levels {
				share := float64(importance[i]) * count / sum
				low, high := levelByLogarithm(share-0x1p-15, float64(floor), shift), levelByLogarithm(share+0x1p-15, float64(floor), shift)
				require.True(t, float64(level) == low || float64(level) == high, "floor %v shift %d: share %v: level %d, rule %v to %v", floor, shift, share, level, low, high)
			}
		}
	}
}

func TestSinksAreMarkedForGood(t *testing.T) {
	const first, tokens = 2, 8
	layer := keep([]uint32{900, 0, 10, 500, 20, 30 | shaders.SinkMark, 600, 40})
	thresholds := shaders.LevelThresholds(0.1, 0)
	plan := shaders.NormalizeJob{First: first, Tokens: tokens, Stored: 6, Sink: 500}.AppendTo(thresholds[:])
	push := shaders.NormalizeImportancePush{Jobs: shaders.LevelBounds}
	require.NoError(t, NormalizeImportance(shaders.Spec{}, push, 1, plan, layer))
	assert.Equal(t, []uint32{900, 0, 10, 500 | shaders.SinkMark, 20, 30 | shaders.SinkMark, 600, 40}, keptOf(layer, tokens))
	assert.Equal(t, []uint32{10 + 20 + 600 + 40, 4}, layer[shaders.LevelBounds:][:2])

	levels := make([]uint32, tokens)
	choose := shaders.ChooseLevelsPush{Tokens: tokens, TokensPerJob: tokens, First: first, Mean: 3}
	require.NoError(t, ChooseLevels(shaders.Spec{}, choose, []uint32{0, 0, 7}, layer, levels))
	assert.Equal(t, []uint32{16, 16, 0, 16, 1, 16, 5, 3}, levels)
}

func TestLayersWithoutImportanceHaveTheMean(t *testing.T) {
	for shift := -30; shift <= 30; shift += 6 {
		thresholds := shaders.LevelThresholds(0.1, shift)
		layer, levels := keep(make([]uint32, 3)), make([]uint32, 3)
		plan := shaders.NormalizeJob{Tokens: 3, Stored: 3, Sink: 1}.AppendTo(thresholds[:])
		require.NoError(t, NormalizeImportance(shaders.Spec{}, shaders.NormalizeImportancePush{Jobs: shaders.LevelBounds}, 1, plan, layer))
		choose := shaders.ChooseLevelsPush{Tokens: 3, TokensPerJob: 3, Mean: shaders.MeanLevel(thresholds)}
		require.NoError(t, ChooseLevels(shaders.Spec{}, choose, []uint32{0, 0, 2}, layer, levels))
		assert.Equal(t, []uint32{choose.Mean, choose.Mean, choose.Mean}, levels, "shift %d", shift)
		assert.Equal(t, levelByLogarithm(1, 0.1, shift), float64(choose.Mean), "shift %d", shift)
	}
}
