package cpuref

import (
	"math"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWeightsHalveEveryTwoBlocks(t *testing.T) {
	for k := range uint32(100) {
		want := math.Exp2(20 - float64(min(k, 41))/2)
		assert.InEpsilon(t, want, weightOf(k, 20), 0x1p-24, "%d blocks", k)
	}
	assert.Equal(t, uint32(0x3fb504f3), math.Float32bits(weightOf(1, 1)))
}

// TestImportanceIsTheDecayedSumOfShares compares with float64, token by token: what
// is missing is less than a unit a vector, and one for the decay.
func TestImportanceIsTheDecayedSumOfShares(t *testing.T) {
	a := split(8, 2)
	a.tokens, a.parts, a.window = 597, []int{597}, 200
	r := a.run(t, shaders.TypeF32)
	const block, missing, fraction, blocks, stays = 3, 1, 21, 3, 300
	importance := guarded(shaders.ImportanceHeader + a.tokens + 2)
	old := importance[shaders.ImportanceHeader:]
	for i := range stays {
		old[i] = uint32(i) << 16
	}
	old[7] |= shaders.SinkMark
	before := append([]uint32(nil), old[:stays]...)
	push := shaders.AccumulateImportancePush{Vectors: uint32(a.vectors()), PerHead: uint32(a.perHead), QueryEnd: uint32(a.n),
		Heads: uint32(a.heads), Stride: uint32(a.stride()), Block: block, Fraction: fraction}
	frame := shaders.DecayFrame{Tokens: uint32(a.tokens), Base: uint32(a.base()), Old: stays, Factor: shaders.DecayFactor(blocks),
		Age: uint32(a.n + missing)}
	require.NoError(t, AccumulateImportance(a.spec(0, 0), push, frame.AppendTo(nil), r.probabilities, importance))
	squares := make([]float64, a.vectors()*a.heads)
	for v := range squares {
		for _, p := range a.vector(r.probabilities, v/a.vectors(), v%a.vectors()) {
			squares[v] += math.Pow(float64(math.Float32frombits(p)), 2)
		}
	}
	for token := range a.tokens {
		exact := 0.0
		if token < stays {
			exact = float64(before[token]&^shaders.SinkMark) * math.Exp2(-blocks/2.0)
		}
		for v := 0; v < a.vectors()*a.heads && token >= a.base(); v++ {
			p := float64(math.Float32frombits(a.vector(r.probabilities, v/a.vectors(), v%a.vectors())[token-a.base()]))
			age := (a.n + missing - v%a.vectors()/a.perHead - 1) / block
			exact += p * p / squares[v] * math.Exp2(fraction-float64(age)/2)
		}
		got := float64(old[token] &^ shaders.SinkMark)
		require.LessOrEqual(t, got, exact*(1+0x1p-19)+1, "token %d", token)
		require.Greater(t, got, exact*(1-0x1p-19)-float64(a.vectors()*a.heads)-1, "token %d", token)
	}
	assert.Equal(t, uint32(shaders.SinkMark), old[7]&shaders.SinkMark)
	same(t, []uint32{guard, guard}, old[a.tokens:], "behind the tokens")
}
