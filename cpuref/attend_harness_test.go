package cpuref

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
)

// attention is a call of all kernels of attention over tokens whose rows follow
// from their number alone. The ends of parts of pages ascend; the tokens behind
// them are in the recent window, in slots of which two are unused.
type attention struct {
	l           shaders.Layout
	heads       int    // KV heads
	only        [2]int // first of them and behind the last that kernels work on; 0, 0: all
	rowFirst    int    // at level token
	perHead     int
	n, tokens   int
	pageTokens  int
	parts       []int
	bits        []uint8 // of groups, by turns
	tile        uint32
	window      int
	cap, spread float32 // spread scales queries
	seed        uint64
	special     int // 1: some elements are extreme, 2: they are what those count as
}

func (a attention) groupsPerToken() int {
	if a.l.Rows == 1 {
		return a.heads
	}
	return 1
}

// dispatched returns the first KV head that kernels work on, and how many.
func (a attention) dispatched() (first, n int) {
	if a.only == [2]int{} {
		return 0, a.heads
	}
	return a.only[0], a.only[1] - a.only[0]
}

func (a attention) vectors() int { return a.n * a.perHead }

// base is the first token that scores hold.
func (a attention) base() int {
	if a.window == 0 {
		return 0
	}
	return max(0, a.tokens-a.n-a.window+1) / shaders.SplitTokens * shaders.SplitTokens
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
		if a.special > 0 && (i+t)%5 == 0 {
			x = extremes[(i+t)/5%len(extremes)][a.special-1]
		}
		out.set(i, Narrow(a.l.Type, math.Float32bits(x)))
	}
	return out.words
}

// extremes are values and what they count as.
var extremes = [][2]float32{
	{nan, 0}, {inf, 0}, {-inf, 0}, {0x1p100, 0x1p80}, {-0x1p81, -0x1p80}, {0x1p-41, 0}, {-0x1p-60, 0},
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
