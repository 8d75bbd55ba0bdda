package profile

import (
	"fmt"
	"math"
	"slices"
)

// RoPE is how positions turn keys.
type RoPE struct {
	Halves bool      // element i is paired with i+Dims/2, else 2i with 2i+1
	Speeds []float64 // radians a token of each pair of the leading Dims elements, [Dims/2]
}

// Dims returns the leading elements that are turned.
func (r RoPE) Dims() int { return 2 * len(r.Speeds) }

// Pair returns the two elements of a pair.
func (r RoPE) Pair(pair int) (int, int) {
	if r.Halves {
		return pair, pair + len(r.Speeds)
	}
	return 2 * pair, 2*pair + 1
}

// Equal tells whether both turn alike.
func (r RoPE) Equal(o RoPE) bool { return r.Halves == o.Halves && slices.Equal(r.Speeds, o.Speeds) }

// Middle returns the position that the mean of the keys of a position's page is
// turned to.
func (p *Profile) Middle(position int) int {
	return position/p.PageTokens*p.PageTokens + p.PageTokens/2
}

// Turn sets cos and sin of the angles of a position, [Dims/2] each: the same bits
// on every machine, within 2 units in the last place for positions below 2^24.
func (r RoPE) Turn(position int, cos, sin []float32) {
	for i, speed := range r.Speeds {
		s, c := sincos(float64(position) * speed)
		cos[i], sin[i] = float32(c), float32(s)
	}
}

// Rotate turns a row of at least Dims elements in place by the angles of Turn.
func (r RoPE) Rotate(row, cos, sin []float32) {
	for i := range r.Speeds {
		a, b := r.Pair(i)
		x, y := row[a], row[b]
		row[a] = float32(x*cos[i]) - float32(y*sin[i])
		row[b] = float32(x*sin[i]) + float32(y*cos[i])
	}
}

// π/2 in three parts: a multiple below 2^25 of each of the first two is exact.
const (
	halfPi1 = 1.570796325802803     // 28 bits
	halfPi2 = 9.920935739593517e-10 // 28 bits more
	halfPi3 = 5.721188726109832e-18
)

// sincos is math.Sincos for 0 ≤ x ≤ 2^25 in a fixed order of operations: the
// library may fuse them on some machines.
func sincos(x float64) (sin, cos float64) {
	n := math.Floor(float64(x*(2/math.Pi)) + 0.5)
	r := float64(x-float64(n*halfPi1)) - float64(n*halfPi2)
	r -= float64(n * halfPi3)
	square := float64(r * r)
	s, c := r*series(square, sinTerms[:]), series(square, cosTerms[:])
	switch int64(n) & 3 {
	case 1:
		return c, -s
	case 2:
		return -s, -c
	case 3:
		return -c, s
	}
	return s, c
}

// Terms of the Taylor series of sin(r)/r and cos(r) in r², highest first: enough
// for |r| ≤ π/4 in f32.
var (
	sinTerms = [...]float64{1. / 6227020800, -1. / 39916800, 1. / 362880, -1. / 5040, 1. / 120, -1. / 6, 1}
	cosTerms = [...]float64{1. / 479001600, -1. / 3628800, 1. / 40320, -1. / 720, 1. / 24, -1. / 2, 1}
)

func series(x float64, terms []float64) (sum float64) {
	for _, t := range terms {
		sum = float64(sum*x) + t
	}
	return sum
}

func (r RoPE) check(headDim int) error {
	if r.Dims() > headDim {
		return fmt.Errorf("RoPE turns %d elements of %d: %w", r.Dims(), headDim, ErrFormat)
	}
	for i, speed := range r.Speeds {
		if !(speed >= 0 && speed <= maxSpeed) {
			return fmt.Errorf("RoPE turns pair %d by %v radians a token, want 0 to %v: %w", i, speed, maxSpeed, ErrFormat)
		}
	}
	return nil
}

// maxSpeed is one radian a token with room for divisors below 1; 2^24 positions
// stay below what sincos takes.
const maxSpeed = 2
