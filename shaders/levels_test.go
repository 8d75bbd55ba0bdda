package shaders

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestImportanceFits(t *testing.T) {
	for _, c := range []struct {
		queryHeads, block int
		want              uint32
	}{{1, 1, 24}, {9, 32, 21}, {14, 32, 20}, {32, 32, 19}, {64, 32, 18}, {128, 32, 17}, {32, 4096, 12}} {
		f, err := ImportanceFraction(c.queryHeads, c.block)
		require.NoError(t, err)
		assert.Equal(t, c.want, f, "%d query heads, blocks of %d", c.queryHeads, c.block)
		most := float64(c.queryHeads*c.block) / (1 - math.Sqrt2/2) * math.Exp2(float64(f))
		assert.LessOrEqual(t, most*1.02, float64(MostImportance))
	}
	_, err := ImportanceFraction(1<<20, 1<<20)
	assert.ErrorContains(t, err, "more than a word holds")
}

func TestDecayFactors(t *testing.T) {
	assert.Zero(t, DecayFactor(0))
	assert.Equal(t, uint32(0xb504f334), DecayFactor(1))
	assert.Equal(t, uint32(1), DecayFactor(64))
	assert.Equal(t, uint32(1), DecayFactor(1<<40))
	for k := 1; k < 64; k++ {
		assert.InDelta(t, math.Exp2(32-float64(k)/2), float64(DecayFactor(k)), 0.5001, "%d blocks", k)
		assert.InEpsilon(t, math.Exp2(-float64(k)/2), DecayShare(k), 1e-15, "%d blocks", k)
	}
}

func TestLevelThresholdsAreTheRule(t *testing.T) {
	for _, floor := range []float32{0.01, 0.1, 0.5} {
		for shift := -80; shift <= 80; shift++ {
			thresholds := LevelThresholds(floor, shift)
			for j, got := range thresholds {
				edge := -1.5 + (float64(j)+0.5)/2 - float64(shift)/16
				share := (1+float64(floor))*math.Exp2(2*edge) - float64(floor)
				want := math.Round(min(max(0, share*65536), math.MaxUint32))
				assert.InDelta(t, want, float64(got), 1, "floor %v shift %d level %d", floor, shift, j)
			}
			assert.IsNonDecreasing(t, thresholds[:])
		}
	}
	assert.Equal(t, uint32(3), MeanLevel(LevelThresholds(0.1, 0)))
	assert.Equal(t, uint32(4), MeanLevel(LevelThresholds(0.1, ShiftsPerLevel)))
}
