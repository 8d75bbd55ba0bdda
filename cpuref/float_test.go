package cpuref

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// f16Value is the value of an f16 by its definition.
func f16Value(h uint32) float64 {
	sign, exponent, fraction := 1-2*int(h>>15), int(h>>10&31), float64(h&0x3ff)
	switch {
	case exponent == 31 && fraction == 0:
		return math.Inf(sign)
	case exponent == 31:
		return math.NaN()
	case exponent == 0:
		return math.Copysign(math.Ldexp(fraction, -24), float64(sign))
	}
	return float64(sign) * math.Ldexp(1024+fraction, exponent-25)
}

// roundTo rounds x to a format of the given fraction bits and least exponent of
// normal numbers, in float64.
func roundTo(x float64, fraction, least int, largest float64) float64 {
	if x == 0 || math.IsInf(x, 0) {
		return x
	}
	_, exponent := math.Frexp(x)
	unit := max(exponent-1, least) - fraction
	y := math.Ldexp(math.RoundToEven(math.Ldexp(x, -unit)), unit)
	if math.Abs(y) > largest {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return y
}

func TestEveryF16(t *testing.T) {
	for h := range uint32(1 << 16) {
		wide := Widen(shaders.TypeF16, h)
		want := f16Value(h)
		if want != want {
			require.Equal(t, h>>15<<31|0x7f800000|h&0x3ff<<13, wide, "%#x", h)
			require.Equal(t, h|0x200, Narrow(shaders.TypeF16, wide), "%#x", h)
			continue
		}
		require.Equal(t, math.Float32bits(float32(want)), wide, "%#x", h)
		require.Equal(t, h, Narrow(shaders.TypeF16, wide), "%#x", h)
		require.Equal(t, float32(want)+0, Load(shaders.TypeF16, h), "%#x", h)
		require.False(t, math.Signbit(float64(Load(shaders.TypeF16, h))) && want == 0, "%#x", h)
	}
}

func TestEveryBF16(t *testing.T) {
	for h := range uint32(1 << 16) {
		require.Equal(t, h<<16, Widen(shaders.TypeBF16, h))
		if h&0x7fff > 0x7f80 {
			require.Equal(t, h|0x40, Narrow(shaders.TypeBF16, h<<16), "%#x", h)
			continue
		}
		require.Equal(t, h, Narrow(shaders.TypeBF16, h<<16), "%#x", h)
		want := h << 16
		if h&0x7f80 == 0 {
			want = 0
		}
		require.Equal(t, want, math.Float32bits(Load(shaders.TypeBF16, h)), "%#x", h)
	}
}

func TestNarrowAgainstFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1 << 20 {
		bits := r.Uint32()
		if r.IntN(2) == 0 { // around the f16 range, with ties
			bits = bits&0x80001000 | (90+r.Uint32N(60))<<23 | r.Uint32()&0x7ff000
		}
		x := float64(math.Float32frombits(bits))
		if x != x {
			continue
		}
		f16 := f16Value(Narrow(shaders.TypeF16, bits))
		require.Equal(t, roundTo(x, 10, -14, 65504), f16, "%#x", bits)
		bf16 := math.Float32frombits(Narrow(shaders.TypeBF16, bits) << 16)
		require.Equal(t, roundTo(x, 7, -126, 0x1.fep127), float64(bf16), "%#x", bits)
	}
}

func TestNarrowTable(t *testing.T) {
	cases := []struct {
		name      string
		f32       uint32
		f16, bf16 uint32
	}{
		{"one", 0x3f800000, 0x3c00, 0x3f80},
		{"-0", 0x80000000, 0x8000, 0x8000},
		{"tie to even down", 0x3f801000, 0x3c00, 0x3f80},
		{"tie to even up", 0x3f803000, 0x3c02, 0x3f80},
		{"above a tie", 0x3f801001, 0x3c01, 0x3f80},
		{"bf16 tie to even down", 0x3f808000, 0x3c04, 0x3f80},
		{"bf16 tie to even up", 0x3f818000, 0x3c0c, 0x3f82},
		{"largest f16", 0x477fe000, 0x7bff, 0x4780},
		{"below the f16 overflow", 0x477fefff, 0x7bff, 0x4780},
		{"f16 overflow", 0x477ff000, 0x7c00, 0x4780},
		{"largest f32", 0xff7fffff, 0xfc00, 0xff80},
		{"least f16 subnormal", 0x33800000, 0x0001, 0x3380},
		{"half of it, tie to zero", 0x33000000, 0x0000, 0x3300},
		{"above half of it", 0xb3000001, 0x8001, 0xb300},
		{"largest f16 subnormal", 0x387fc000, 0x03ff, 0x3880},
		{"rounds up to normal", 0x387fe000, 0x0400, 0x3880},
		{"f32 subnormal", 0x80000001, 0x8000, 0x8000},
		{"f32 subnormal that bf16 holds", 0x00018001, 0x0000, 0x0002},
		{"infinity", 0xff800000, 0xfc00, 0xff80},
		{"quiet NaN", 0x7fc00000, 0x7e00, 0x7fc0},
		{"signaling NaN", 0xff800001, 0xfe00, 0xffc0},
		{"NaN with payload", 0x7fa56789, 0x7f2b, 0x7fe5},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.f16, Narrow(shaders.TypeF16, c.f32), "f16")
			assert.Equal(t, c.bf16, Narrow(shaders.TypeBF16, c.f32), "bf16")
			assert.Equal(t, c.f32, Narrow(shaders.TypeF32, c.f32), "f32")
		})
	}
}

func TestLoadF32(t *testing.T) {
	for in, want := range map[uint32]uint32{
		0x80000000: 0, 0x00000001: 0, 0x807fffff: 0, 0x00800000: 0x00800000,
		0x80800000: 0x80800000, 0x7f800000: 0x7f800000, 0x3f800000: 0x3f800000,
	} {
		assert.Equal(t, want, math.Float32bits(Load(shaders.TypeF32, in)), "%#x", in)
	}
}
