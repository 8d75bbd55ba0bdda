package cpuref

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/require"
)

// attention is a call of all kernels of attention over tokens whose rows follow
// from their number alone. The ends of parts of pages ascend; the tokens behind
// them are in the recent window, in slots of which two are unused.
type attention struct {
	l           shaders.Layout
	heads       int // KV heads
	rowFirst    int // at level token
	perHead     int
	n, tokens   int
	pageTokens  int
	parts       []int
	bits        []uint8 // of groups, by turns
	tile        uint32
	window      int
	cap, spread float32 // spread scales queries
	seed        uint64
}

func (a attention) groupsPerToken() int {
	if a.l.Rows == 1 {
		return a.heads
	}
	return 1
}

func (a attention) vectors() int { return a.n * a.perHead }

// base is the first token that scores hold.
func (a attention) base() int {
	if a.window == 0 {
		return 0
	}
	return max(0, a.tokens-a.n-a.window+1) / splitTokens * splitTokens
}

// rows returns the rows of all groups of a token: K (kind 0) or V (kind 1).
// Every group can be quantized.
func (a attention) rows(kind, t int) []uint32 {
	n := a.groupsPerToken() * a.l.Group()
	r := rand.New(rand.NewPCG(a.seed*2+uint64(kind), uint64(t)))
	out := elements{a.l.Type, make([]uint32, n*a.l.ElementBytes()/4)}
	for i := range n {
		x := float32(r.NormFloat64())
		switch {
		case t%13 == 5:
			x = 0.375
		case i%29 == t%29:
			x *= 12
		}
		out.set(i, Narrow(a.l.Type, math.Float32bits(x)))
	}
	return out.words
}

// tokenBits returns the bits of the groups of a token.
func (a attention) tokenBits(kind, t int) []uint8 {
	n := a.groupsPerToken()
	out := make([]uint8, n)
	for g := range out {
		out[g] = a.bits[(t*n+g+kind)%len(a.bits)]
	}
	return out
}

// page returns the page of tokens first and on.
func (a attention) page(t testing.TB, kind, first int) []uint32 {
	var rows []uint32
	var bits []uint8
	for token := first; token < first+a.pageTokens; token++ {
		rows = append(rows, a.rows(kind, token)...)
		bits = append(bits, a.tokenBits(kind, token)...)
	}
	return whole(encodePage(t, a.l, rows, bits))
}

// part is a buffer of rows and the frame of its tokens.
type part struct {
	ring        uint32
	stored      []uint32
	plan        []uint32
	first, end  int
	slots, size int // of the ring
}

// pagePart has the pages of K and V of tokens first..end-1.
func (a attention) pagePart(t testing.TB, first, end int) part {
	p := part{first: first, end: end, stored: guarded(8), plan: a.frame(first, end)}
	for at := first; at < end; at += a.pageTokens {
		for kind := range 2 {
			p.plan = append(p.plan, uint32(len(p.stored)))
			p.stored = append(p.stored, a.page(t, kind, at)...)
		}
	}
	return p
}

// ringPart has tokens first..end-1 in a recent window, of K or of V.
func (a attention) ringPart(kind, first, end int) part {
	size := shaders.AlignWords(a.heads*a.l.RawRowWords()) + 4
	p := part{ring: 1, first: first, end: end, slots: end - first + 2, size: size, plan: a.frame(first, end)}
	p.stored = guarded(4 + p.slots*size)
	for t := first; t < end; t++ {
		rows := a.rows(kind, t)[a.rowFirst*a.l.RawRowWords():]
		copy(p.stored[4+t%p.slots*size:], rows[:a.heads*a.l.RawRowWords()])
	}
	return p
}

func (a attention) frame(first, end int) []uint32 {
	return []uint32{uint32(a.tokens), uint32(a.base()), uint32(first), uint32(end)}
}

// partsOf returns all parts; those of the ring differ for K and V.
func (a attention) partsOf(t testing.TB, kind int) (out []part) {
	first := 0
	for _, end := range a.parts {
		out = append(out, a.pagePart(t, first, end))
		first = end
	}
	if first < a.tokens {
		out = append(out, a.ringPart(kind, first, a.tokens))
	}
	return out
}

// queryRows are rows [n][QH][D] of the queries of the last n tokens, each of
// which depends on the token alone.
func (a attention) queryRows() []uint32 {
	var out []uint32
	for i := range a.n {
		r := rand.New(rand.NewPCG(a.seed, uint64(a.tokens-a.n+i)<<32))
		xs := make([]float32, a.heads*a.perHead*a.l.HeadDim)
		for j := range xs {
			xs[j] = float32(r.NormFloat64()) * a.spread
		}
		out = append(out, f32s(a.l.Type, xs...)...)
	}
	return out
}

func (a attention) scale() float32 { return float32(1 / math.Sqrt(float64(a.l.HeadDim))) }

// results are the outputs of the kernels.
type results struct{ queries, scores, probabilities, partials, rows []uint32 }

func (a attention) stride() int { return a.tokens - a.base() + 3 }

// run dispatches the kernels; rows are of type out.
func (a attention) run(t testing.TB, out uint32) (r results) {
	spec := a.spec(0, out)
	v, h, g, stride := uint32(a.vectors()), uint32(a.heads), uint32(a.perHead), uint32(a.stride())
	chunks := (a.l.HeadDim + 31) / 32
	tileWords := shaders.AlignWords((a.l.HeadDim + chunks) * int(a.tile))
	r.queries = guarded(a.heads * ((a.vectors() + int(a.tile) - 1) / int(a.tile)) * tileWords)
	qp := shaders.QueryPush{Vectors: v, Heads: h, PerHead: g, RowFirst: 3, Scale: a.scale()}
	require.NoError(t, Query(shaders.QuerySpec(spec), qp, append(guarded(3), a.queryRows()...), r.queries))

	r.scores = guarded(int(v*h) * a.stride())
	for _, p := range a.partsOf(t, 0) {
		s, sp := shaders.ScoreSpec(a.spec(p.ring, out)), a.scorePush(p)
		require.NoError(t, Score(s, sp, p.stored, p.plan, r.queries, r.scores))
	}
	r.probabilities = append([]uint32(nil), r.scores...)
	sp := shaders.SoftenPush{Vectors: v, Heads: h, PerHead: g, Stride: stride, Window: uint32(a.window)}
	plan := a.frame(0, a.tokens)
	require.NoError(t, Soften(shaders.SoftenSpec(spec), sp, plan, r.probabilities))

	splits := (a.tokens - a.base() + splitTokens - 1) / splitTokens
	r.partials = guarded(splits * int(v*h) * a.l.HeadDim)
	for _, p := range a.partsOf(t, 1) {
		s, mp := shaders.MixSpec(a.spec(p.ring, out)), a.mixPush(p)
		require.NoError(t, Mix(s, mp, p.stored, p.plan, r.probabilities, r.partials))
	}
	row := a.l.HeadDim * shaders.ElementBytes(out) / 4
	r.rows = guarded(1 + int(v*h)*row)
	mp := shaders.MergePush{Vectors: v, Heads: h, PerHead: g, RowFirst: 1}
	require.NoError(t, Merge(shaders.MergeSpec(spec), mp, plan, r.partials, r.rows))
	require.Equal(t, uint32(guard), r.rows[0])
	r.rows = r.rows[1:]
	return r
}

func (a attention) spec(ring, out uint32) shaders.EncodeSpec {
	s := specOf(a.l, out)
	s.Queries, s.Ring = a.tile, ring
	return s
}

func (a attention) scorePush(p part) shaders.ScorePush {
	s := shaders.ScorePush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads), Stride: uint32(a.stride()),
		PageTokens: uint32(a.pageTokens), GroupsPerToken: uint32(a.groupsPerToken()), RowFirst: uint32(a.rowFirst),
		Slots: uint32(p.slots), SlotWords: uint32(p.size), RowsAt: 4, Cap: a.cap,
	}
	if a.cap > 0 {
		s.InverseCap = 1 / a.cap
	}
	return s
}

func (a attention) mixPush(p part) shaders.MixPush {
	s := a.scorePush(p)
	return shaders.MixPush{
		Vectors: s.Vectors, Heads: s.Heads, Stride: s.Stride, PageTokens: s.PageTokens,
		GroupsPerToken: s.GroupsPerToken, RowFirst: s.RowFirst, Slots: s.Slots, SlotWords: s.SlotWords, RowsAt: s.RowsAt,
	}
}
