package cpuref

import (
	"slices"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/require"
)

// results are the outputs of the kernels.
type results struct {
	queries, scores, probabilities, partials, rows []uint32
}

// stride is the tokens that scores have room for.
func (a attention) stride() int { return shaders.AlignWords(a.tokens - a.base() + 3) }

// tiles is the tiles of a KV head.
func (a attention) tiles() int { return (a.vectors() + int(a.tile) - 1) / int(a.tile) }

// tileWords is the words of a tile of arranged queries.
func (a attention) tileWords() int {
	return shaders.AlignWords((a.l.HeadDim + (a.l.HeadDim+31)/32) * int(a.tile))
}

// vector returns the scores of tokens base and on of vector v of KV head h,
// counted from the first dispatched.
func (a attention) vector(scores []uint32, h, v int) []uint32 {
	out := make([]uint32, a.tokens-a.base())
	for i := range out {
		tile := h*a.tiles() + v/int(a.tile)
		out[i] = scores[(tile*a.stride()+i)*int(a.tile)+v%int(a.tile)]
	}
	return out
}

// run dispatches the kernels; rows are of type out.
func (a attention) run(t testing.TB, out uint32) (r results) {
	first, heads := a.dispatched()
	v, h, g := uint32(a.vectors()), uint32(heads), uint32(a.perHead)
	spec, rowHeads, plan := a.spec(0, out), uint32(a.heads*a.perHead), a.frame(0, a.tokens)
	r.queries = guarded(heads * a.tiles() * a.tileWords())
	at := uint32(3 + first*a.perHead*a.l.RawRowWords())
	qp := shaders.ArrangeQueriesPush{Vectors: v, Heads: h, PerHead: g, RowHeads: rowHeads, RowFirst: at, Scale: a.scale()}
	require.NoError(t, ArrangeQueries(spec, qp, append(guarded(3), a.queryRows()...), r.queries))

	r.scores = guarded(shaders.ScoresWords(heads*a.tiles(), a.stride(), int(a.tile)))
	for _, p := range a.partsOf(t, 0) {
		a.score(t, p, out, r)
	}
	r.probabilities = slices.Clone(r.scores)
	sp := shaders.SoftmaxPush{Vectors: v, Heads: h, PerHead: g, Stride: uint32(a.stride()), Window: uint32(a.window)}
	require.NoError(t, Softmax(spec, sp, plan, r.probabilities))

	splits := (a.tokens - a.base() + shaders.SplitTokens - 1) / shaders.SplitTokens
	r.partials = guarded(splits * heads * a.vectors() * a.l.HeadDim)
	for _, p := range a.partsOf(t, 1) {
		s, mp := a.spec(p.ring, out), a.weightedSumPush(p)
		require.NoError(t, WeightedSum(s, mp, p.stored, p.plan, r.probabilities, r.partials))
	}
	row := a.l.HeadDim * shaders.ElementBytes(out) / 4
	r.rows = guarded(1 + a.n*a.heads*a.perHead*row)
	mp := shaders.CombinePush{Vectors: v, Heads: h, PerHead: g, RowHeads: rowHeads, RowFirst: uint32(1 + first*a.perHead*row)}
	require.NoError(t, Combine(spec, mp, plan, r.partials, r.rows))
	require.Equal(t, uint32(guard), r.rows[0])
	r.rows = r.rows[1:]
	return r
}

func (a attention) score(t testing.TB, p part, out uint32, r results) {
	require.NoError(t, Score(a.spec(p.ring, out), a.scorePush(p), p.stored, p.plan, r.queries, r.scores))
}

func (a attention) spec(ring, out uint32) shaders.Spec {
	s := specOf(a.l, out)
	s.Queries, s.Ring = a.tile, ring
	return s
}

func (a attention) scorePush(p part) shaders.ScorePush {
	first, heads := a.dispatched()
	s := shaders.ScorePush{
		Vectors: uint32(a.vectors()), Heads: uint32(heads), Stride: uint32(a.stride()),
		PageTokens: uint32(a.pageTokens), GroupsPerToken: uint32(a.groupsPerToken()), RowFirst: uint32(a.rowFirst + first),
		RingTokens: uint32(p.slots), RingStride: uint32(p.size), RingFirst: uint32(4 + first*a.l.RawRowWords()), Cap: a.cap,
	}
	if a.cap > 0 {
		s.InverseCap = 1 / a.cap
	}
	return s
}

func (a attention) weightedSumPush(p part) shaders.WeightedSumPush {
	s := a.scorePush(p)
	return shaders.WeightedSumPush{
		Vectors: s.Vectors, Heads: s.Heads, Stride: s.Stride, PageTokens: s.PageTokens,
		GroupsPerToken: s.GroupsPerToken, RowFirst: s.RowFirst, RingTokens: s.RingTokens, RingStride: s.RingStride, RingFirst: s.RingFirst,
	}
}
