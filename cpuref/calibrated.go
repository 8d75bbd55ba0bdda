package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// values has the value of each code, in units of 1/32: of code q at b bits at
// number 2^b + q.
type values [512]float32

// newValues reads magnitudes and coefficients, six words of a record table.
func newValues(words []uint32) (v values) {
	magnitude := func(i int) float32 {
		if i < 3 {
			return float32(words[0] >> (8 * i) & 127)
		}
		return float32(words[1] >> (8 * (i - 3)) & 127)
	}
	first := 0
	for b := 1; b <= 3; b++ {
		half := 1 << (b - 1)
		for i := range half {
			m := magnitude(first + i)
			v[1<<b+half+i], v[1<<b+half-1-i] = m, -m
		}
		first += half
	}
	c := floats(words[2:6])
	for b := 4; b <= shaders.Planes; b++ {
		for q := range 1 << b {
			t := float32(2*q+1)/float32(int(1)<<b) - 1
			w := float32(t * t)
			sum := float32(c[3]*w) + c[2]
			sum = float32(sum*w) + c[1]
			sum = float32(sum*w) + c[0]
			v[1<<b+q] = float32(sum * t)
		}
	}
	return v
}

// loadCoded writes the values of the channels of row h of a record.
func (v *values) loadCoded(r shaders.Records, record []uint32, level uint8, h int, x []float32) {
	bit := 0
	for before := range h {
		bit += r.RowBits(level, before)
	}
	number := make([]int, len(x))
	for c := range number {
		number[c] = 1
	}
	for block := 0; block < len(x); block += shaders.BlockElements {
		for _, n := range r.Populations[level][h] {
			for c := block; c < min(n, block+shaders.BlockElements); c++ {
				number[c] = 2*number[c] + int(record[bit/32]>>(bit%32)&1)
				bit++
			}
		}
	}
	for c, n := range number {
		x[c] = v[n]
	}
}

// thresholds are those between codes, which ascend, as numbers that compare as they do.
type thresholds [1<<shaders.Planes - 1]int32

func newThresholds(values []float32) *thresholds {
	var t thresholds
	for i, x := range values {
		t[i] = ordered(x)
	}
	return &t
}

// ordered returns a number that compares with others as floats do; both zeros have one.
func ordered(x float32) int32 {
	bits := int32(math.Float32bits(x + 0))
	return bits ^ bits>>31&math.MaxInt32
}

// codes writes the full codes of four channels: of each the number of thresholds up to z.
// There are no branches that a processor could guess wrong.
func (t *thresholds) codes(z [4]float32, out []uint8) {
	var q, number [4]int
	for k, x := range z {
		number[k] = int(ordered(x))
	}
	for step := 1 << (shaders.Planes - 1); step > 0; step /= 2 {
		for k := range q {
			below := (number[k] - int(t[q[k]+step-1])) >> 63 // all ones: z is
			q[k] += step &^ below
		}
	}
	for k, x := range z {
		if out[k] = uint8(q[k]); x != x {
			out[k] = 0
		}
	}
}

// encodeRow writes the full codes of a row by the forward matrix of its head and tells
// whether it can be quantized; mean is turned already, x is room for a row.
func (t *tables) encodeRow(a matrix, row elements, mean, x []float32, codes []uint8) bool {
	quantizes := true
	row.load(x)
	for d, own := range x {
		if !(own > -mostTable && own < mostTable) { // NaN too
			quantizes = false
			if !isFinite(own) {
				own = 0
			}
		}
		x[d] = cut(own-mean[d], mostChange)
	}
	for c := 0; c < len(codes); c += 4 { // sums of four channels at once: a processor adds them side by side
		z := fourSums(a.rows[c*len(x):][:4*len(x)], x)
		for k := range z {
			z[k] *= a.scales[c+k]
		}
		t.thresholds.codes(z, codes[c:][:4])
	}
	return quantizes
}

// fourSums returns the sums of the products of four rows with x.
func fourSums(rows, x []float32) [4]float32 {
	a, b, c, d := rows[:len(x)], rows[len(x):][:len(x)], rows[2*len(x):][:len(x)], rows[3*len(x):][:len(x)]
	var z [4]float32
	for i, value := range x {
		z[0] += float32(a[i] * value)
		z[1] += float32(b[i] * value)
		z[2] += float32(c[i] * value)
		z[3] += float32(d[i] * value)
	}
	return z
}

// arrangeCodes writes codes as slots and supply have them: eight words a block,
// word k with the codes of channels k, k+8, k+16, k+24.
func arrangeCodes(codes []uint8, out []uint32) {
	clear(out)
	for c, q := range codes {
		out[c/32*8+c%8] |= uint32(q) << (c % 32 / 8 * 8)
	}
}

// arrangedCode reads the code of a channel.
func arrangedCode(in []uint32, c int) uint8 {
	return uint8(in[c/32*8+c%8] >> (c % 32 / 8 * 8))
}

// bringBack writes the sums over blocks of the sums of inverse[d][c]*(i_c*x_c), and
// leaves the products of scales and x in x.
func (inverse matrix) bringBack(x, out []float32) {
	for c, scale := range inverse.scales {
		x[c] *= scale
	}
	for d := range out {
		out[d] = dot(x, inverse.rows[d*len(x):])
	}
}

// Value returns the value of code q at b bits, 0..8, in units of 1.
func Value(r shaders.Reconstruction, b, q int) float32 {
	t := shaders.Tables{Reconstruction: r}
	v := newValues(t.AppendTable(nil)[16:22])
	return v[1<<b+q] / 32
}

// cutCoded returns +0 for sums of coded channels that are too small to matter.
func cutCoded(x float32) float32 {
	if math.Abs(float64(x)) < leastCoded {
		return 0
	}
	return x
}
