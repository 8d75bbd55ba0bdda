package peers

import "math"

// A block of ggml's quantized types is 32 consecutive elements of a row, and an
// f16 scale.
const (
	blockElems = 32
	q8Bits     = 8 + 16.0/blockElems
	q4Bits     = 4 + 16.0/blockElems
)

// blocks codes K and V in blocks that f replaces.
func blocks(s Shape, bits float64, f func(block []float32)) (*Codec, error) {
	if err := whole("row", s.row(), blockElems); err != nil {
		return nil, err
	}
	code := func(_, _ int, rows []float32) { eachBlock(rows, f) }
	return &Codec{Bits: [2]float64{bits, bits}, Codes: bits - 16.0/blockElems, Block: 1, code: [2]coder{code, code}}, nil
}

func eachBlock(rows []float32, f func(block []float32)) {
	for at := 0; at < len(rows); at += blockElems {
		f(rows[at : at+blockElems])
	}
}

// q8 is ggml's q8_0: the scale is the largest magnitude over 127, codes are the
// nearest integers.
func q8(block []float32) {
	d := largest(block) / 127
	inverse := inverted(abs(d))
	d = half(abs(d))
	for i, x := range block {
		block[i] = float32(math.Round(float64(x*inverse))) * d
	}
}

// q4 is ggml's q4_0: the scale is the element of the largest magnitude, with its
// sign, over −8; codes are 0 to 15 and stand for −8 to 7.
func q4(block []float32) {
	d := largest(block) / -8
	inverse := inverted(d)
	d = half(d)
	for i, x := range block {
		q := min(15, int(float32(x*inverse)+8.5))
		block[i] = float32(q-8) * d
	}
}

// largest returns the first element of the largest magnitude.
func largest(block []float32) (most float32) {
	for _, x := range block {
		if abs(x) > abs(most) {
			most = x
		}
	}
	return most
}

// inverted is 1/d, 0 for a block of zeros.
func inverted(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }
