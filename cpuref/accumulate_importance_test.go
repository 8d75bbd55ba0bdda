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

// TestKeptImportanceIsTheNearest looks at every code, and at what lies between each and
// the next.
func TestKeptImportanceIsTheNearest(t *testing.T) {
	const codes = 22 * 1024
	assert.Equal(t, uint32(shaders.MostImportance), opened(codes-1))
	for code := range uint16(codes) {
		value := opened(code)
		want := float64(code)
		if doublings := int(code)/1024 - 1; doublings > 0 {
			want = math.Ldexp(1+float64(code%1024)/1024, doublings+10)
		}
		require.Equal(t, want, float64(value), "code %d", code)
		require.Equal(t, code, kept(value), "code %d", code)
		require.Equal(t, value|shaders.SinkMark, opened(kept(value|shaders.SinkMark)), "code %d", code)
		if code == codes-1 {
			break
		}
		step := opened(code+1) - value
		for between := value; between < value+step; between += max(1, step/8) {
			nearest := code
			if 2*(between-value) >= step {
				nearest++
			}
			require.Equal(t, nearest, kept(between), "%d behind code %d", between-value, code)
		}
	}
}

// keep returns the words of a layer whose tokens have some importance.
func keep(importance []uint32) []uint32 {
	words := make([]uint32, shaders.ImportanceHeader+shaders.ImportanceWords(len(importance)))
	for t, v := range importance {
		tokens(words[shaders.ImportanceHeader:]).set(uint32(t), v)
	}
	return words
}

// keptOf returns the importance of the first n tokens of a layer.
func keptOf(layer []uint32, n int) (importance []uint32) {
	for t := range uint32(n) {
		importance = append(importance, tokens(layer[shaders.ImportanceHeader:]).get(t))
	}
	return importance
}

// TestImportanceIsTheDecayedSumOfShares compares with float64, token by token: what
// is missing is less than a unit a vector, and one for the decay, before the nearest is
// kept.
func TestImportanceIsTheDecayedSumOfShares(t *testing.T) {
	a := split(8, 2)
	a.tokens, a.parts, a.window = 597, []int{597}, 200
	r := a.run(t, shaders.TypeF32)
	const block, missing, fraction, blocks, stays = 3, 1, 21, 3, 300
	importance := guarded(shaders.ImportanceHeader + shaders.ImportanceWords(a.tokens) + 2)
	before := make([]uint32, stays)
	for i := range before {
		before[i] = uint32(i) << 16
	}
	before[7] |= shaders.SinkMark
	words := importance[shaders.ImportanceHeader:]
	copy(words, keep(before)[shaders.ImportanceHeader:])
	push := shaders.AccumulateImportancePush{Vectors: uint32(a.vectors()), PerHead: uint32(a.perHead), QueryEnd: uint32(a.n),
		Heads: uint32(a.heads), Stride: uint32(a.stride()), Block: block, Fraction: fraction}
	frame := shaders.DecayFrame{Tokens: uint32(a.tokens), Base: uint32(a.base()), Old: stays, Factor: shaders.DecayFactor(blocks),
		Age: uint32(a.n + missing)}
	require.NoError(t, AccumulateImportance(a.spec(0, 0), push, frame.AppendTo(nil), r.probabilities, importance, nil))
	after := keptOf(importance, a.tokens)
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
		got := float64(after[token] &^ shaders.SinkMark)
		require.LessOrEqual(t, got, exact*(1+0x1.01p-11)+1, "token %d", token)
		require.Greater(t, got, exact*(1-0x1.01p-11)-float64(a.vectors()*a.heads)-1, "token %d", token)
	}
	assert.Equal(t, uint32(shaders.SinkMark), after[7]&shaders.SinkMark)
	assert.Zero(t, tokens(words).get(uint32(a.tokens)), "behind the last token")
	same(t, []uint32{guard, guard}, words[shaders.ImportanceWords(a.tokens):], "behind the tokens")
}
