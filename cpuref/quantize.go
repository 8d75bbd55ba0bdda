package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// codeRange is the range of a group: it turns values into codes and back.
type codeRange struct {
	low, high float32 // min, max
	extent    float32 // R, 0 below rangeFloor
	step      float32 // s8 = R/256
	inverse   float32 // about 1/s8; shows in no result
}

func rangeOf(low, high float32) codeRange {
	extent := high - low
	if extent < rangeFloor {
		extent = 0
	}
	step := extent * (1.0 / 256)
	return codeRange{low, high, extent, step, 1 / step}
}

// evictWeight is the weight of a group that is to be evicted.
const evictWeight = -2

// RuleBits returns what the rule gives a group of range r (doc.go of shaders,
// "Bits"): the fewest of least..most bits with r*w <= c*(2^b - delta), else most,
// which may be shaders.Raw, with shaders.Unmet added where it is not.
func RuleBits(r, w, c, delta float32, least, most uint32) uint32 {
	w, c = flush(w), flush(c)
	switch {
	case w <= evictWeight:
		return shaders.Evicted
	case w < 0:
		return most
	}
	needs := flush(r * w)
	for b := least; b <= min(most, 8); b++ {
		if needs <= flush(c*(float32(uint32(1)<<b)-delta)) {
			return b
		}
	}
	if most == shaders.Raw {
		return most
	}
	return most | shaders.Unmet
}

// codeOf returns the largest k in 0..255 with k*s8 <= y, y = clamp(x) - min. The
// estimate only finds a place to start from.
func (r codeRange) codeOf(x float32) uint8 {
	if r.extent == 0 {
		return 0
	}
	if x < r.low {
		x = r.low
	}
	if x > r.high {
		x = r.high
	}
	y := x - r.low
	k := 0
	if guess := float32(y * r.inverse); guess >= 255 {
		k = 255
	} else if guess > 0 {
		k = int(guess)
	}
	for k < 255 && float32(float32(k+1)*r.step) <= y {
		k++
	}
	for k > 0 && float32(float32(k)*r.step) > y {
		k--
	}
	return uint8(k)
}

// valueOf returns what a code of b bits, 0..8, stands for.
func (r codeRange) valueOf(code uint8, b int) float32 {
	if r.extent == 0 {
		return r.low
	}
	s := float32(r.extent * (1 / float32(uint32(1)<<b)))
	return flush(float32((float32(code)+0.5)*s) + r.low)
}

// writeRows writes the rows of a group at b bits, 0..8, of which drop bits at the
// top are left out; out has the words of b-drop bits. values is the group.
func (r codeRange) writeRows(l shaders.Layout, values []float32, b, drop int, codes []uint8, out []uint32) {
	keep := b - drop
	if keep == 0 {
		return
	}
	for i, x := range values {
		codes[i] = r.codeOf(x) >> (8 - b) & (1<<keep - 1)
	}
	n := l.RowWords(uint8(keep))
	for i := range l.Rows {
		writeRow(codes[i*l.HeadDim:(i+1)*l.HeadDim], keep, out[i*n:(i+1)*n])
	}
}

// decodeRow writes what stands for each code of a row string of b bits, 0..8: of
// its value. codes is room for the row. Where there are no more codes than
// elements, their values are computed first.
func decodeRow[T any](r codeRange, row []uint32, b int, codes []uint8, out []T, of func(float32) T) {
	var levels [256]T
	known := 1<<b <= len(codes)
	for k := 0; known && k < 1<<b; k++ {
		levels[k] = of(r.valueOf(uint8(k), b))
	}
	readRow(row, b, codes)
	for i, code := range codes {
		if known {
			out[i] = levels[code]
		} else {
			out[i] = of(r.valueOf(code, b))
		}
	}
}

// writeRange writes min and max of the layout's type.
func writeRange(l shaders.Layout, min, max float32, out []uint32) {
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
