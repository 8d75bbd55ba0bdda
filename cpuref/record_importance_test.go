package cpuref

import (
	"math"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestImportanceIsRoundedUp(t *testing.T) {
	assert.Zero(t, importanceCode(0))
	assert.Zero(t, importanceOf(0))
	assert.Equal(t, float32(1), importanceOf(importanceCode(1)))
	assert.Equal(t, float32(0x1.2p-31), importanceOf(1))
	assert.Equal(t, uint32(1), importanceCode(0x1p-40))
	for c := range importanceCode(1) {
		next := importanceOf(c + 1)
		require.Greater(t, next, importanceOf(c))
		require.Equal(t, c+1, importanceCode(next))
		require.Equal(t, c+1, importanceCode(math.Nextafter32(importanceOf(c), 1)))
	}
	for _, w := range randomWords(10000, 5) {
		p := math.Float32frombits(0x30100000 + w%(0x3f800000-0x30100000+1)) // 1.125*2^-31..1
		got := importanceOf(importanceCode(p))
		require.GreaterOrEqual(t, got, p)
		require.Less(t, got, p*1.125)
	}
}

// observed returns the codes of tokens, largest over vectors from..end-1, four a
// word, by probabilities.
func (a attention) observed(probabilities []uint32, h, from, end int) []uint32 {
	out := make([]uint32, (a.tokens+3)/4)
	for v := from; v < end; v++ {
		for i, w := range a.vector(probabilities, h, v) {
			token := a.base() + i
			shift := token % 4 * 8
			code := max(out[token/4]>>shift&0xff, importanceCode(math.Float32frombits(w)))
			out[token/4] = out[token/4]&^(0xff<<shift) | code<<shift
		}
	}
	return out
}

// TestObserveTakesTheLargest compares with probabilities, token by token.
func TestObserveTakesTheLargest(t *testing.T) {
	a := split(8, 2)
	a.tokens, a.parts, a.window = 597, []int{597}, 200
	r := a.run(t, shaders.TypeF32)
	s := a.spec(0, 0)
	observe := func(p shaders.RecordImportancePush, importance []uint32) []uint32 {
		p.Vectors, p.Heads, p.Stride, p.HeadStride = uint32(a.vectors()), 2, uint32(a.stride()), 152
		require.NoError(t, RecordImportance(s, p, append(a.frame(0, 597), 5), r.probabilities, importance))
		return importance
	}
	want := func(from, end, words int) []uint32 {
		out := guarded(5 + 2*152 + 4)
		for h := range 2 {
			copy(out[5+h*152:], a.observed(r.probabilities, h, from, end)[:words])
		}
		return out
	}
	room := func() []uint32 { return guarded(5 + 2*152 + 4) }
	last := observe(shaders.RecordImportancePush{VectorFirst: 6, VectorEnd: 12, Words: 152}, room())
	same(t, want(6, 12, 150), last, "the last vectors")
	all := observe(shaders.RecordImportancePush{VectorEnd: 6, Words: 150, Keep: 1}, last)
	same(t, want(0, 12, 150), all, "the first vectors too")
	same(t, want(0, 4, 99), observe(shaders.RecordImportancePush{VectorEnd: 4, Words: 99}, room()), "fewer words")
	none := observe(shaders.RecordImportancePush{Words: 150}, room())
	same(t, want(0, 0, 150), none, "no vector")
}

func TestObserveWithoutScores(t *testing.T) {
	importance := guarded(66)
	s, p := shaders.Spec{Queries: 4}, shaders.RecordImportancePush{Vectors: 3, VectorEnd: 3, Heads: 1, HeadStride: 64, Words: 64}
	require.NoError(t, RecordImportance(s, p, []uint32{256, 256, 0, 256, 0}, nil, importance))
	same(t, append(make([]uint32, 64), guard, guard), importance, "importance")
}

// TestWeighTakesTheLargest weighs two jobs of two tokens of two groups, each of
// two heads in two layers, by two rows.
func TestWeighTakesTheLargest(t *testing.T) {
	p := shaders.ReduceImportancePush{
		Groups: 7, GroupsPerJob: 4, GroupsPerToken: 2, Heads: 2, Layers: 2,
		HeadStride: 4, LayerStride: 20, Rows: 2, RowStride: 50, Jobs: 2,
	}
	importance := randomWords(120, 8)
	importance[10], importance[20] = 0, 0
	plan := []uint32{9, 9, 3, 1, 5, 0, 7, 5}
	want := make([]uint32, 7)
	for n := range want {
		token := []int{3, 3, 4, 4, 0, 0, 1}[n]
		at, group, most := []int{1, 7}[n/4], n%2, uint32(0)
		for row := range 2 {
			for layer := range 2 {
				for head := range 2 {
					word := importance[at+row*50+layer*20+(group*2+head)*4+token/4]
					most = max(most, word>>(token%4*8)&0xff)
				}
			}
		}
		want[n] = math.Float32bits(importanceOf(most))
	}
	got := guarded(8)
	require.NoError(t, ReduceImportance(shaders.Spec{}, p, plan, importance, got))
	same(t, append(want, guard), got, "weights")

	p.One, plan[4] = 1, 4
	require.NoError(t, ReduceImportance(shaders.Spec{}, p, plan, nil, got))
	one, pinned := math.Float32bits(1), math.Float32bits(-1)
	same(t, []uint32{one, one, pinned, pinned, one, one, one, guard}, got, "one")
}
