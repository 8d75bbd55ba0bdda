package cpuref

import (
	"runtime"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/require"
)

// benchLayout is of f16 rows of a head with 1 % outliers.
func benchLayout(headDim int) shaders.Layout {
	low, high := shaders.Outliers(0.01, headDim)
	return shaders.Layout{Type: shaders.TypeF16, HeadDim: headDim, Rows: 1, Low: low, High: high}
}

// benchPage are n such rows and their page at 3 bits.
func benchPage(b *testing.B, headDim, n int) (l shaders.Layout, rows, page []uint32) {
	l = benchLayout(headDim)
	rows = goldenRows(l, n)
	return l, rows, encodePage(b, l, rows, repeat(3, n))
}

// BenchmarkKernels times rows of a 64-wide head with 1 % outliers at 3 bits.
func BenchmarkKernels(b *testing.B) {
	const n = 4096
	l, rows, page := benchPage(b, 64, n)
	fewer := keepRaw(b, l, page, repeat(2, n))
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(n * 64)
			for b.Loop() {
				f()
			}
		})
	}
	run("encode", func() { encode(b, l, rows, repeat(3, n)) })
	run("decode/f16", func() { decodePage(b, l, page, shaders.TypeF16) })
	run("decode/f32", func() { decodePage(b, l, page, shaders.TypeF32) })
	run("demote", func() { rewritePage(b, l, page, fewer, nil) })
	run("convert/f32", func() { converted(b, l, rows, shaders.TypeF32) })
}

// BenchmarkAttend times one query of 4096 tokens, 8 KV heads of 4 query heads,
// on one core: pages at 3 bits with 1 % outliers.
func BenchmarkAttend(b *testing.B) {
	a := attention{
		l: benchLayout(128), heads: 8,
		perHead: 4, n: 1, tokens: 4096, pageTokens: 64, bits: []uint8{3}, tile: 4, spread: 1,
	}
	p := a.pagePart(b, 0, a.tokens)
	a.tokens = 64 // for scores and queries of the right form, made anew below
	queries := a.run(b, 0).queries
	a.tokens = 4096
	scores := make([]uint32, shaders.ScoresWords(8, a.stride(), 4))
	partials := make([]uint32, 16*32*128)
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	spec := a.spec(0, 0)
	softmax := shaders.SoftmaxPush{Vectors: 4, Heads: 8, PerHead: 4, Stride: uint32(a.stride())}
	for b.Loop() {
		require.NoError(b, Score(spec, a.scorePush(p), p.stored, p.plan, queries, scores))
		require.NoError(b, Softmax(spec, softmax, p.plan, scores))
		require.NoError(b, WeightedSum(spec, a.weightedSumPush(p), p.stored, p.plan, scores, partials))
	}
}

// BenchmarkSupply times what the host does for a promotion: the plane that
// groups of a 128-wide head lack from 3 to 4 bits, an eighth of their rows.
func BenchmarkSupply(b *testing.B) {
	const n = 4096
	l, rows, page := benchPage(b, 128, n)
	ranges := page[l.RangesAt(n):]
	supply := make([]uint32, l.SupplyWords(3, 4))
	words := l.RawGroupWords()
	b.SetBytes(n * int64(4*words))
	for b.Loop() {
		for i := range n {
			g := i &^ 2 // of four groups, the fourth cannot be quantized
			if _, err := Supply(l, ranges[g*l.RangeWords():][:l.RangeWords()], rows[g*words:][:words], 3, 4, supply); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/group")
	b.ReportMetric(float64(4*len(supply)), "bytes-up/group")
}

// BenchmarkCoder times what the host does for a promotion of the calibrated codec: the
// full codes of a token of a layer, and matrices turned to a stretch once for each.
func BenchmarkCoder(b *testing.B) {
	s, of := readSimulated(b)
	row, half := s.Heads*s.HeadDim, len(s.Rotation)/2
	rows, out := packed(s.Rows), make([]uint32, of.CodeWords())
	words := len(rows) / s.Tokens
	c := NewCoder(of, s.Rotation[half:], false)
	for _, what := range []struct {
		name string
		f    func()
	}{
		{"stretch", func() { NewCoder(of, s.Rotation[half:], false) }},
		{"token", func() {
			for token := range s.Tokens {
				c.Codes(s.Rotation[:half], rows[token*words:][:words], out)
			}
		}},
	} {
		b.Run(what.name, func(b *testing.B) {
			for b.Loop() {
				what.f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*row), "ns/element")
		})
	}
	b.Log(s.Tokens, "tokens,", s.Heads, "heads of", s.HeadDim)
}
