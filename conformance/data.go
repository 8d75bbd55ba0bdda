package conformance

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// A pattern makes the elements of group n, as bits of the element type. Every
// float operation in it is exact or a single rounding, so that the same seed
// gives the same words on every processor.
type pattern func(g *generator, n int)

// patterns are the kinds of values that a case can ask for with "data".
var patterns = map[string]pattern{
	"normal":    func(g *generator, n int) { g.each(g.normal) },
	"scaled":    scaled,
	"ties":      func(g *generator, n int) { g.each(func() float64 { return float64(g.rng.IntN(4)) - 1.5 }) },
	"zeros":     zeros,
	"subnormal": subnormal,
	"infinite":  func(g *generator, n int) { withSpecial(g, n, 0) },
	"nan":       func(g *generator, n int) { withSpecial(g, n, 1) },
	"huge":      huge,
	"constant":  func(g *generator, n int) { g.fill(g.fromFloat(float64(n) - 2.25)) },
	"bits":      func(g *generator, n int) { g.eachBits(g.rng.Uint32) },
	"finite":    func(g *generator, n int) { g.eachBits(g.finite) },
	"overflow":  overflow,
	"tiny":      tiny,
	"steps":     steps,
	"offset":    offset,
	limits:      largest,
}

// mixed as "data" gives each group the next of all patterns.
const mixed = "mixed"

// limits as "data" is for convert: elements near the largest finite ones of types.
const limits = "limits"

// patternNames are the names of the patterns that mixed has, sorted.
var patternNames = slices.DeleteFunc(slices.Sorted(maps.Keys(patterns)), func(name string) bool { return name == limits })

// fillGroup makes the elements of group n of a case.
func fillGroup(name string, g *generator, n int) {
	if name == mixed {
		name = patternNames[n%len(patternNames)]
		n /= len(patternNames)
	}
	patterns[name](g, n)
}

// generator writes one group's elements.
type generator struct {
	rng *rand.Rand
	typ uint32
	out []uint32 // bits of the group's elements
}

// normal is nearly N(0, 1): twelve uniform integers summed.
func (g *generator) normal() float64 {
	sum := 0
	for range 12 {
		sum += int(g.rng.Uint32() & 0xffff)
	}
	return float64(sum-12*0x8000) / 0x10000
}

func (g *generator) each(value func() float64) {
	g.eachBits(func() uint32 { return g.fromFloat(value()) })
}

func (g *generator) eachBits(element func() uint32) {
	mask := uint32(0xffff)
	if g.typ == shaders.TypeF32 {
		mask = math.MaxUint32
	}
	for i := range g.out {
		g.out[i] = element() & mask
	}
}

func (g *generator) fill(element uint32) { g.eachBits(func() uint32 { return element }) }

func (g *generator) fromFloat(x float64) uint32 {
	return cpuref.Narrow(g.typ, math.Float32bits(float32(x)))
}

// place puts an element at a random index.
func (g *generator) place(element uint32) { g.out[g.rng.IntN(len(g.out))] = element }

// exponentBits are the mask of the exponent field and its place.
func (g *generator) exponentBits() (mask uint32, shift int) {
	switch g.typ {
	case shaders.TypeF16:
		return 31, 10
	case shaders.TypeBF16:
		return 255, 7
	}
	return 255, 23
}

// finite is a random pattern with a random exponent that is not all ones.
func (g *generator) finite() uint32 {
	mask, shift := g.exponentBits()
	return g.rng.Uint32()&^(mask<<shift) | uint32(g.rng.IntN(int(mask)))<<shift
}

func (g *generator) infinity() uint32 {
	mask, shift := g.exponentBits()
	return mask << shift
}

func (g *generator) sign() uint32 {
	if g.typ == shaders.TypeF32 {
		return 1 << 31
	}
	return 1 << 15
}

// scaled spreads groups over the exponents of f16.
func scaled(g *generator, n int) {
	exponent := n%25 - 14
	g.each(func() float64 { return math.Ldexp(g.normal(), exponent) })
}

// zeros mixes both zeros with subnormals and, in odd groups, one normal number.
func zeros(g *generator, n int) {
	choices := []uint32{0, g.sign(), 1, g.sign() | 1, 3}
	g.eachBits(func() uint32 { return choices[g.rng.IntN(len(choices))] })
	if n%2 == 1 {
		g.place(g.fromFloat(0.25))
	}
}

// subnormal has every subnormal and the first normal exponents, both signs.
func subnormal(g *generator, n int) {
	_, shift := g.exponentBits()
	g.eachBits(func() uint32 {
		return g.rng.Uint32()&(1<<shift-1) | uint32(g.rng.IntN(1+n%3))<<shift | uint32(g.rng.IntN(2))*g.sign()
	})
}

// withSpecial is normal data, with an infinity (payload 0) or a NaN in two of
// three groups.
func withSpecial(g *generator, n int, payload uint32) {
	g.each(g.normal)
	if n%3 != 0 {
		g.place(g.infinity() | payload*uint32(1+g.rng.IntN(63)) | uint32(n%2)*g.sign())
	}
}

// huge has one outlier far above or below all else.
func huge(g *generator, n int) {
	g.each(g.normal)
	g.place(g.fromFloat(60000 * float64(1-n%2*2)))
}

// overflow reaches R >= 2^126 in even groups and stays just below in odd ones.
func overflow(g *generator, n int) {
	top := math.Ldexp(1, 125)
	if n%2 == 1 {
		top -= math.Ldexp(1, 117)
	}
	g.each(func() float64 { return top * float64(g.rng.IntN(257)-128) / 128 })
	g.place(g.fromFloat(top))
	g.place(g.fromFloat(-top))
}

// tiny has ranges just above and just below 2^-100.
func tiny(g *generator, n int) {
	unit := math.Ldexp(1, -107-n%2)
	g.each(func() float64 { return unit * float64(g.rng.IntN(129)) })
	g.place(g.fromFloat(unit * 128))
}

// steps lies on the borders between codes and one unit in the last place
// beside them.
func steps(g *generator, n int) {
	lo, width := float32(n%7)-3, float32(1+n%3)
	g.eachBits(func() uint32 {
		x := lo + float32(width*(float32(g.rng.IntN(257))/256))
		return cpuref.Narrow(g.typ, math.Float32bits(x)+uint32(g.rng.IntN(3))-1)
	})
	g.out[0] = g.fromFloat(float64(lo))
	g.out[len(g.out)-1] = g.fromFloat(float64(lo + width))
}

// offset is a small range far from zero, where subtraction cancels.
func offset(g *generator, n int) {
	g.each(func() float64 { return 1000 + math.Ldexp(g.normal(), -n%8) })
}

// largest has f32 values round the largest finite ones of f16 and bf16, on both
// sides of where rounding makes them infinite, as far as the type has them.
func largest(g *generator, n int) {
	choices := []uint32{
		0x477fe000, 0x477fefff, 0x477ff000, 0x47800000, // 65504; the last that rounds to it; the first that does not; 65536
		0x7f7f0000, 0x7f7f7fff, 0x7f7f8000, 0x7f7fffff, // the same of bf16; the largest f32
		0x7f800000, 0x7fc00001, 0x3f800000,
	}
	g.eachBits(func() uint32 {
		return cpuref.Narrow(g.typ, choices[g.rng.IntN(len(choices))]|g.rng.Uint32()&(1<<31))
	})
}
