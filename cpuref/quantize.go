package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// quantizer turns values of a group into codes and back.
type quantizer struct {
	min, max float32
	r        float32 // max - min, 0 below rangeFloor
	s8       float32 // r/256
	perS8    float32 // about 1/s8
}

func newQuantizer(min, max float32) quantizer {
	r := max - min
	if r < rangeFloor {
		r = 0
	}
	s8 := r * (1.0 / 256)
	return quantizer{min, max, r, s8, 1 / s8}
}

// code8 returns the largest k in 0..255 with k*s8 <= y, y = clamp(x) - min. The
// estimate only finds a place to start from.
func (q quantizer) code8(x float32) uint8 {
	if q.r == 0 {
		return 0
	}
	if x < q.min {
		x = q.min
	}
	if x > q.max {
		x = q.max
	}
	y := x - q.min
	k := 0
	if guess := float32(y * q.perS8); guess >= 255 {
		k = 255
	} else if guess > 0 {
		k = int(guess)
	}
	for k < 255 && float32(float32(k+1)*q.s8) <= y {
		k++
	}
	for k > 0 && float32(float32(k)*q.s8) > y {
		k--
	}
	return uint8(k)
}

// value returns what a code of b bits, 0..8, stands for.
func (q quantizer) value(code uint8, b int) float32 {
	if q.r == 0 {
		return q.min
	}
	s := float32(q.r * (1 / float32(uint32(1)<<b)))
	return flush(float32((float32(code)+0.5)*s) + q.min)
}

// putRows writes the rows of a group at b bits, 0..8, of which drop bits at the
// top are left out; out has the words of b-drop bits. values is the group.
func (q quantizer) putRows(l shaders.Layout, values []float32, b, drop int, codes []uint8, out []uint32) {
	keep := b - drop
	if keep == 0 {
		return
	}
	for i, x := range values {
		codes[i] = q.code8(x) >> (8 - b) & (1<<keep - 1)
	}
	n := l.RowWords(uint8(keep))
	for r := range l.Rows {
		putRow(codes[r*l.HeadDim:(r+1)*l.HeadDim], keep, out[r*n:(r+1)*n])
	}
}

// putRange writes min and max of the layout's type.
func putRange(l shaders.Layout, min, max float32, out []uint32) {
	e := elements{l.Type, out}
	e.set(0, Narrow(l.Type, math.Float32bits(min)))
	e.set(1, Narrow(l.Type, math.Float32bits(max)))
}

// readRange returns the min and max of a group, and whether it can be
// quantized: a min of +inf says that it cannot.
func readRange(l shaders.Layout, in []uint32) (min, max float32, quantizes bool) {
	e := elements{l.Type, in}
	min, max = Load(l.Type, e.at(0)), Load(l.Type, e.at(1))
	return min, max, !math.IsInf(float64(min), 1)
}

// Bits returns what the rule gives a group of range r (doc.go of shaders,
// "Bits"): the fewest of least..most bits with r*w <= c*(2^b - delta), else
// most, which may be shaders.Raw.
func Bits(r, w, c, delta float32, least, most uint32) uint32 {
	w, c = flush(w), flush(c)
	if w < 0 {
		return most
	}
	needs := flush(r * w)
	for b := least; b <= min(most, 8); b++ {
		if needs <= flush(c*(float32(uint32(1)<<b)-delta)) {
			return b
		}
	}
	return most
}

// checkRule fails unless least and most are bits that the rule can give.
func checkRule(kernel string, least, most uint32) error {
	if least > 8 || most < least || most > 8 && most != shaders.Raw {
		return argument(kernel, "bits from %d to %d: must be 0..8, the upper limit may be %d", least, most, shaders.Raw)
	}
	return nil
}
