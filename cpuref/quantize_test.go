package cpuref

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCodesOfOneToTwo(t *testing.T) {
	q := rangeOf(1, 2)
	for x, want := range map[float32]uint8{
		-5: 0, 1: 0, 1 + 1.0/256: 1, 1.5: 128, 2: 255, 9: 255,
		math.Nextafter32(1.5, 0): 127, math.Nextafter32(2, 0): 255,
		0x1.ffp0: 255, math.Nextafter32(0x1.ffp0, 0): 254,
	} {
		assert.Equal(t, want, q.codeOf(x), "%v", x)
	}
}

func TestValuesTable(t *testing.T) {
	cases := []struct {
		name     string
		min, max float32
		code     uint8
		b        int
		want     float32
	}{
		{"no bits: the middle", 1, 3, 0, 0, 2},
		{"one bit", 1, 3, 1, 1, 2.5},
		{"two bits", -2, 2, 1, 2, -0.5},
		{"eight bits", 0, 256, 255, 8, 255.5},
		{"constant", 7, 7, 0, 3, 7},
		{"range below 2^-100 is none", 0x1p-101, 0x1.8p-101, 0, 1, 0x1p-101},
		{"range of 2^-100 is one", 0, 0x1p-100, 0, 0, 0x1p-101},
		{"sum rounds once", 1, 0x1.000004p0, 0, 1, 0x1p0},
		{"sum below 2^-126 is 0", -0x1p-101, 0x1p-101, 0, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := rangeOf(c.min, c.max).valueOf(c.code, c.b)
			assert.Equal(t, math.Float32bits(c.want), math.Float32bits(got), "%v", got)
		})
	}
}

func TestCode8IsTheLargestThatFits(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for range 200000 {
		min := float32(math.Ldexp(r.NormFloat64(), r.IntN(40)-20))
		q := rangeOf(min, min+float32(math.Ldexp(r.Float64(), r.IntN(60)-40)))
		x := q.low + float32(q.extent*r.Float32())
		if r.IntN(4) == 0 { // on a border, or one ulp below
			x = q.low + float32(float32(r.IntN(256))*(q.extent/256))
			x = math.Nextafter32(x, x-float32(r.IntN(2)))
		}
		y := float32(math.Max(math.Min(float64(x), float64(q.high)), float64(q.low))) - q.low
		want := uint8(255)
		for q.extent == 0 || float32(float32(want)*(q.extent/256)) > y {
			if want == 0 {
				break
			}
			want--
		}
		require.Equal(t, want, q.codeOf(x), "min %v max %v x %v", q.low, q.high, x)
	}
}

func TestErrorIsAtMostHalfAStep(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	for range 50000 {
		min := float32(r.NormFloat64())
		q := rangeOf(min, min+r.Float32()*8+0.01)
		x := q.low + float32(q.extent*r.Float32())
		for b := 0; b <= 8; b++ {
			back := q.valueOf(q.codeOf(x)>>(8-b), b)
			half := float64(q.extent) / float64(int(2)<<b)
			require.LessOrEqual(t, math.Abs(float64(x)-float64(back)), half+1e-6, "b %d", b)
		}
	}
}

func TestBitsTable(t *testing.T) {
	const raw, unmet = shaders.Raw, shaders.Unmet
	cases := []struct {
		name           string
		r, w, c, delta float32
		least, most    uint32
		want           uint32
	}{
		{"fits without bits", 1, 1, 1, 0, 0, 8, 0},
		{"authors give no bits to a bound of 0 only", 1, 1, 1, 1, 0, 8, 1},
		{"a power of two just fits", 8, 1, 1, 0, 0, 8, 3},
		{"just above", 8.000001, 1, 1, 0, 0, 8, 4},
		{"authors, seven of eight", 7, 1, 1, 1, 0, 8, 3},
		{"authors, above seven", 7.5, 1, 1, 1, 0, 8, 4},
		{"importance scales", 8, 0.25, 1, 0, 0, 8, 1},
		{"limit scales", 8, 1, 0.5, 0, 0, 8, 4},
		{"least", 1, 1, 100, 0, 3, 8, 3},
		{"most", 1000, 1, 1, 0, 0, 6, 6 | unmet},
		{"most is raw", 1000, 1, 1, 0, 0, raw, raw},
		{"eight before raw", 256, 1, 1, 0, 0, raw, 8},
		{"least is most", 1000, 1, 1, 0, 4, 4, 4 | unmet},
		{"pinned", 0, -1, 1, 0, 0, 8, 8},
		{"pinned to raw", 0, -1, 1, 0, 0, raw, raw},
		{"no range needs none", 0, 1, 0, 1, 0, 8, 0},
		{"no limit", 1, 1, 0, 0, 0, 8, 8 | unmet},
		{"unimportant", 1, 0, 0, 0, 0, 8, 0},
		{"small products count as 0", 0x1p-100, 0x1p-27, 0, 0, 0, 8, 0},
		{"a product of 2^-126 does not", 0x1p-100, 0x1p-26, 0, 0, 0, 8, 8 | unmet},
		{"subnormal importance is 0", 0x1p100, 0x1p-127, 0, 0, 0, 8, 0},
		{"negative subnormal importance is 0", 0x1p100, -0x1p-127, 0, 0, 0, 8, 0},
		{"subnormal limit is 0", 0x1p-126, 1, 0x1p-127, 0, 0, 8, 8 | unmet},
		{"product that overflows", 0x1p125, 0x1p20, 0x1p100, 0, 0, 8, 8 | unmet},
		{"NaN importance", 1, nan, 1, 0, 0, 8, 8 | unmet},
		{"evicted", 1, -2, 1, 0, 0, raw, shaders.Evicted},
		{"evicted for good", 0, float32(math.Inf(-1)), 1, 0, 3, 8, shaders.Evicted},
		{"nearly evicted", 0, -1.9999999, 1, 0, 0, raw, raw},
		{"most just fits", 256, 1, 1, 0, 0, 8, 8},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, RuleBits(c.r, c.w, c.c, c.delta, c.least, c.most))
		})
	}
}

func TestBitsAgainstTheLogarithm(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 13))
	for range 100000 {
		rng, e := math.Exp(r.NormFloat64()*2), math.Exp(r.NormFloat64()*2)
		paper := math.Log2(rng / e)
		authors := math.Log2(rng/e + 1)
		for delta, exact := range map[float32]float64{0: paper, 1: authors} {
			if math.Abs(exact-math.Round(exact)) < 1e-5 {
				continue
			}
			want := uint32(math.Max(1, math.Min(8, math.Ceil(exact))))
			if exact > 8 {
				want |= shaders.Unmet
			}
			require.Equal(t, want, RuleBits(float32(rng), 1, float32(e), delta, 1, 8), "R %v e %v", rng, e)
		}
	}
}
