package cpuref

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// split is attention over 600 tokens of quantized pages, level head.
func split(bits ...uint8) attention {
	return attention{
		l: shaders.Layout{Type: shaders.TypeBF16, HeadDim: 40, Rows: 1, Low: 1, High: 1}, heads: 2,
		perHead: 3, n: 4, tokens: 600, pageTokens: 8, parts: []int{600}, bits: bits, tile: 4, spread: 2, seed: 9,
	}
}

func sameResults(t *testing.T, want, got results, what string) {
	t.Helper()
	same(t, want.scores, got.scores, what+": scores")
	same(t, want.probabilities, got.probabilities, what+": probabilities")
	same(t, want.partials, got.partials, what+": partials")
	same(t, want.rows, got.rows, what+": rows")
}

func TestPartsOfPagesDoNotShow(t *testing.T) {
	a := split(3, 8, 0, shaders.Raw, 5)
	for _, window := range []int{0, 200} {
		a.window = window
		want := a.run(t, shaders.TypeF16)
		for _, parts := range [][]int{{256, 600}, {8, 600}, {250, 257, 261, 600}, {255, 511, 512, 600}, {599, 600}} {
			b := a
			b.parts = parts
			sameResults(t, want, b.run(t, shaders.TypeF16), "parts")
		}
		for _, pageTokens := range []int{1, 7, 600} {
			b := a
			b.pageTokens = pageTokens
			sameResults(t, want, b.run(t, shaders.TypeF16), "pages")
		}
	}
}

func TestTheRecentWindowIsRawPages(t *testing.T) {
	a := split(shaders.Raw)
	want := a.run(t, shaders.TypeF32)
	for _, parts := range [][]int{nil, {1}, {255}, {256}, {257}, {300, 512}, {8, 599}} {
		b := a
		b.parts = parts
		sameResults(t, want, b.run(t, shaders.TypeF32), "recent window")
	}
}

func TestLevelsOfRawRowsDoNotShow(t *testing.T) {
	a := split(shaders.Raw)
	a.l.Low, a.l.High = 0, 0
	want := a.run(t, shaders.TypeF32)
	a.l.Rows = 2
	sameResults(t, want, a.run(t, shaders.TypeF32), "layer")
}

func TestTilesDoNotShow(t *testing.T) {
	a := split(3, 8, 0, shaders.Raw, 5)
	want := a.run(t, shaders.TypeF32)
	for _, tile := range []uint32{1, 2, 4, 8, 12, 16} {
		b := a
		b.tile = tile
		got := b.run(t, shaders.TypeF32)
		for n := range a.heads * a.vectors() {
			h, v := n/a.vectors(), n%a.vectors()
			same(t, a.vector(want.scores, h, v), b.vector(got.scores, h, v), "scores")
			same(t, a.vector(want.probabilities, h, v), b.vector(got.probabilities, h, v), "probabilities")
		}
		same(t, want.partials, got.partials, "partials")
		same(t, want.rows, got.rows, "rows")
	}
}

// TestHeadsInPartsDoNotShow runs all kernels for one KV head after the other.
func TestHeadsInPartsDoNotShow(t *testing.T) {
	for _, rows := range []int{1, 3} {
		a := split(3, 8, 0, shaders.Raw, 5)
		a.heads, a.l.Rows, a.parts = 3, rows, []int{560}
		want := a.run(t, shaders.TypeF16).rows
		words := a.perHead * a.l.HeadDim / 2 // of a KV head's rows of a query
		for h := range 3 {
			a.only = [2]int{h, h + 1}
			for i, w := range a.run(t, shaders.TypeF16).rows {
				if i/words%3 != h {
					require.Equal(t, uint32(guard), w, "word %d", i)
					continue
				}
				require.Equal(t, want[i], w, "word %d", i)
			}
		}
	}
}

// TestOtherQueriesDoNotShow asks n queries at once, and each when its token was
// the newest.
func TestOtherQueriesDoNotShow(t *testing.T) {
	for _, window := range []int{0, 90} {
		a := split(3, 8, 0, shaders.Raw, 5)
		a.cap, a.window, a.tokens, a.n, a.parts = 20, window, 515, 6, []int{515}
		all := a.run(t, shaders.TypeF32).rows
		words := len(all) / a.n
		for i := range a.n {
			b := a
			b.n, b.tokens = 1, a.tokens-a.n+1+i
			b.parts = []int{b.tokens}
			same(t, all[i*words:(i+1)*words], b.run(t, shaders.TypeF32).rows, "arrange_queries")
		}
	}
}

// TestWhatIsNotWritten checks the words that each kernel leaves alone.
func TestWhatIsNotWritten(t *testing.T) {
	a := split(3, 8)
	a.window, a.parts, a.tile = 100, []int{560}, 2
	a.n, a.perHead = 3, 1
	require.Equal(t, 256, a.base())
	r := a.run(t, shaders.TypeF32)
	a.tile = 1
	for i, w := range a.run(t, shaders.TypeF32).queries {
		// Tiles of one vector have 40 + 2 words and 2 of padding.
		require.Equal(t, i%44 >= 42, w == guard, "queries[%d]", i)
	}
	a.tile = 2
	spreads := 2 * 2 * 2 * a.stride() // of two KV heads, two tiles of two vectors each
	require.Len(t, r.scores, spreads+8)
	for i, w := range r.scores[:spreads] {
		behind := i/2%a.stride() >= 600-256
		require.Equal(t, behind, w == guard, "scores[%d]", i)
		require.Equal(t, behind, r.probabilities[i] == guard, "probabilities[%d]", i)
		if i/2/a.stride()%2 == 1 && i%2 == 1 && !behind {
			require.Zero(t, w, "scores[%d] of no vector", i)
			require.Zero(t, r.probabilities[i], "probabilities[%d] of no vector", i)
		}
	}
	for i, w := range r.probabilities[spreads:] {
		require.Equal(t, uint32(guard), r.scores[spreads+i])
		require.Equal(t, i%4 == 3, w == 0, "spread %d", i)
		require.NotEqual(t, uint32(guard), w)
	}
	assert.NotContains(t, r.partials, uint32(guard))
	p := a.ringPart(0, 560, 600)
	part := results{queries: r.queries, scores: guarded(len(r.scores))}
	a.score(t, p, 0, part)
	for i, w := range part.scores[:spreads] {
		place := i / 2 % a.stride()
		require.Equal(t, place < 560-256 || place >= 600-256, w == guard, "scores[%d] of a part", i)
	}
}

// TestSoftmaxLeavesPlacesOfNoVector gives it something there.
func TestSoftmaxLeavesPlacesOfNoVector(t *testing.T) {
	scores := []uint32{0, 1, 2, guard, 0, 1, 2, guard, guard, guard, guard, guard}
	s, p := shaders.Spec{HeadDim: 32, Queries: 4}, shaders.SoftmaxPush{Vectors: 3, Heads: 1, PerHead: 3, Stride: 2}
	require.NoError(t, Softmax(s, p, []uint32{2, 0, 0, 2}, scores))
	half := math.Float32bits(reciprocal(2))
	two := math.Float32bits(float32(4 * reciprocal(2)))
	same(t, []uint32{half, half, half, guard, half, half, half, guard, two, two, two, 0}, scores, "probabilities and spreads")
}

func TestProbabilitiesAreOfWhatIsSeen(t *testing.T) {
	a := split(8)
	a.window = 100
	r := a.run(t, shaders.TypeF32)
	for n := range a.heads * a.vectors() {
		newest, sum := 600-a.n+n%a.vectors()/a.perHead, 0.0
		for i, w := range a.vector(r.probabilities, n/a.vectors(), n%a.vectors()) {
			token := 256 + i
			sum += float64(math.Float32frombits(w))
			if token > newest || newest-token >= 100 {
				require.Zero(t, w, "vector %d token %d", n, token)
			}
		}
		assert.InDelta(t, 1, sum, 1e-6)
	}
}

// TestWeightedSumStartsSplits runs the second part alone onto partials: it goes
// on with the split that the first part began, and starts the others.
func TestWeightedSumStartsSplits(t *testing.T) {
	a := split(shaders.Raw)
	a.parts = []int{300, 600}
	r := a.run(t, shaders.TypeF32)
	p := a.partsOf(t, 1)[1]
	partials := slices.Clone(r.partials)
	split := a.heads * a.vectors() * a.l.HeadDim
	clear(partials[split : 2*split])
	again := slices.Clone(partials)
	s, push := a.spec(0, 0), a.weightedSumPush(p)
	require.NoError(t, WeightedSum(s, push, p.stored, p.plan, r.probabilities, again))
	same(t, r.partials[:split], again[:split], "split before the part")
	same(t, r.partials[2*split:], again[2*split:], "split that the part begins")
	assert.NotEqual(t, r.partials[split:2*split], again[split:2*split])
}

// TestExtremeElementsCountAsOthers has them in raw rows, in pages and out.
func TestExtremeElementsCountAsOthers(t *testing.T) {
	a := split(shaders.Raw)
	a.parts = []int{304}
	for _, typ := range []uint32{shaders.TypeF32, shaders.TypeBF16} {
		a.l.Type, a.special = typ, 1
		got := a.run(t, shaders.TypeF32)
		a.special = 2
		sameResults(t, a.run(t, shaders.TypeF32), got, "extremes")
		for _, w := range got.rows {
			require.True(t, isFinite(math.Float32frombits(w)))
		}
	}
}

func TestAttentionWithAnyNumberOfGoroutines(t *testing.T) {
	a := split(3, 8, 0, shaders.Raw, 5)
	a.parts = []int{504}
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	want := a.run(t, shaders.TypeF32)
	for _, procs := range []int{2, 3, 8} {
		runtime.GOMAXPROCS(procs)
		sameResults(t, want, a.run(t, shaders.TypeF32), "goroutines")
	}
}
