package vk

import (
	"math"
	"math/rand/v2"
)

// randomTriples is the number of random operand triples of the probe.
const randomTriples = 4096

// probeTriples are the operands a, b, c of the probe, the same in every run:
// random normal numbers whose results are normal, then rows where rounding,
// overflow and subnormals show.
func probeTriples() []uint32 {
	rng := rand.New(rand.NewPCG(0x51410001, 1))
	var out []uint32
	add := func(a, b, c float32) {
		out = append(out, math.Float32bits(a), math.Float32bits(b), math.Float32bits(c))
	}
	for i := range randomTriples {
		a, b := normal(rng), normal(rng)
		c := normal(rng)
		if i%2 == 0 {
			c = -float32(a * b) // one rounding leaves its error here, two leave zero
		}
		add(a, b, c)
	}
	for _, t := range specialTriples {
		add(math.Float32frombits(t[0]), math.Float32frombits(t[1]), math.Float32frombits(t[2]))
	}
	return out
}

// normal is a float of random sign and mantissa with an exponent from -15 to 15.
func normal(rng *rand.Rand) float32 {
	return math.Float32frombits(rng.Uint32()&0x807fffff | (112+rng.Uint32N(31))<<23)
}

// specialTriples are bit patterns; 3f800000 is 1, 33800000 is 2^-24.
var specialTriples = [][3]uint32{
	{0x3f800000, 0x33800000, 0x00000000}, // 1 + half a step: a tie, down to even
	{0x3f800001, 0x33800000, 0x00000000}, // odd + half a step: a tie, up to even
	{0x3f800000, 0x33800001, 0x00000000}, // just above the tie: up
	{0xbf800000, 0x33800000, 0x00000000}, // ties of negative sums
	{0xbf800001, 0xb3800000, 0x00000000},
	{0x3f800001, 0x3f800001, 0xbf800002}, // product rounds before the sum
	{0x3f800001, 0x3f7fffff, 0xbf800000},
	{0x40490fdb, 0x3eaaaaab, 0xbf860a92},
	{0x00000000, 0x80000000, 0x00000000}, // zeros
	{0x3f800000, 0x3f800000, 0xbf800000}, // exact cancellation
	{0x7f7fffff, 0x73000000, 0x00000000}, // largest + half a step: overflow by the tie
	{0x7f7fffff, 0x7f7fffff, 0x3f800000}, // overflow
	{0x7f7fffff, 0x72ffffff, 0x00000000}, // just below: stays
	{0x00800000, 0x3f000000, 0x00800000}, // subnormal product
	{0x00800001, 0x00800000, 0x00000000}, // subnormal difference
	{0x00000001, 0x3f800000, 0x00000000}, // smallest subnormal as operand
	{0x007fffff, 0x00000001, 0x00800000}, // subnormals that sum to a normal
	{0x807fffff, 0x3f800000, 0x00000001},
	{0x00000001, 0x4b800000, 0x00000000}, // subnormal times 2^24
	{0x1e000000, 0x1e000000, 0x3f800000}, // product far below the subnormals
}
