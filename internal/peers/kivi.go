package peers

import "math"

// kiviGroup is the elements of a group: 32 tokens of a channel of K, 32 channels
// of a token of V (KIVI, arXiv 2402.02750, group size 32).
const kiviGroup = 32

// kivi quantizes asymmetrically: a group has its minimum and its step in f16.
func kivi(s Shape, bits int) (*Codec, error) {
	if err := whole("row", s.row(), kiviGroup); err != nil {
		return nil, err
	}
	steps, row := float32(int(1)<<bits-1), s.row()
	size := float64(bits) + 32.0/kiviGroup
	keys := func(_, _ int, rows []float32) {
		for at := 0; at < len(rows); at += kiviGroup * row {
			for channel := range row {
				asymmetric(rows[at+channel:at+kiviGroup*row], row, steps)
			}
		}
	}
	values := func(_, _ int, rows []float32) {
		for at := 0; at < len(rows); at += kiviGroup {
			asymmetric(rows[at:at+kiviGroup], 1, steps)
		}
	}
	return &Codec{Bits: [2]float64{size, size}, Codes: float64(bits), Block: kiviGroup, code: [2]coder{keys, values}}, nil
}

// asymmetric replaces every stride-th element, from the first on.
func asymmetric(group []float32, stride int, steps float32) {
	low, high := group[0], group[0]
	for i := 0; i < len(group); i += stride {
		low, high = min(low, group[i]), max(high, group[i])
	}
	low = half(low)
	step := half((high - low) / steps)
	inverse := inverted(step)
	for i := 0; i < len(group); i += stride {
		q := float32(math.RoundToEven(float64((group[i] - low) * inverse)))
		group[i] = max(0, min(q, steps))*step + low
	}
}
