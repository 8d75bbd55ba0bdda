package shaders

import (
	"fmt"
	"math"
	"slices"
)

// MaxGroup is the most elements that share a range and a bit width.
const MaxGroup = 16384

// MaxPage is the most elements of a page: every driver here runs that many
// steps of an invocation (llvmpipe ends loops after 65,535 iterations).
const MaxPage = 1 << 19

// Align is the multiple of words at which rows, pages, slots, and the codes in
// them begin, and of which buffers of them consist: 128 bits.
const Align = 4

// HeaderWords are the words of a page before its bits.
const HeaderWords = 4

// RawNibble stands in a page's bits for a raw group.
const RawNibble = 15

// Layout fixes the sizes of everything that a cache stores; doc.go has the
// meaning. All methods are pure and count 32-bit words where they say Words.
type Layout struct {
	Type    uint32 // TypeF32, TypeF16 or TypeBF16
	HeadDim int    // D, elements of a row
	Rows    int    // rows of a group
	Low     int    // outliers at the low end of a group
	High    int    // outliers at the high end
}

// Check says which part of the layout is outside the contract.
func (l Layout) Check() error {
	switch {
	case l.Type > TypeBF16:
		return fmt.Errorf("layout: type %d: must be 0 (f32), 1 (f16) or 2 (bf16)", l.Type)
	case l.HeadDim < 32 || l.HeadDim > 256 || l.HeadDim%8 != 0:
		return fmt.Errorf("layout: head dimension %d: must be a multiple of 8 from 32 to 256", l.HeadDim)
	case l.Rows < 1 || l.Rows > MaxGroup/l.HeadDim:
		return fmt.Errorf("layout: %d rows of %d: a group has 1 row to %d elements", l.Rows, l.HeadDim, MaxGroup)
	case l.Low < 0 || l.High < 0 || l.Low > l.Group() || l.High > l.Group() || l.Outliers() >= l.Group():
		return fmt.Errorf("layout: %d + %d outliers: must be fewer than the %d elements of a group", l.Low, l.High, l.Group())
	}
	return nil
}

// PlainBits are the bits that the codes of a group have: 0 of an evicted one.
func PlainBits(b uint8) uint8 {
	if b == Evicted {
		return 0
	}
	return b
}

// Fewer tells whether a group at b bits holds less than one at c: an evicted one
// less than one of 0 bits.
func Fewer(b, c uint8) bool {
	if b == Evicted || c == Evicted {
		return b != c && b == Evicted
	}
	return b < c
}

// ValidBits tells whether b is what a group may have: 0..8, Evicted or Raw.
func ValidBits(b uint8) bool { return b <= 8 || b == Evicted || b == Raw }

// ElementBytes returns the bytes of an element of a type: 4 or 2.
func ElementBytes(typ uint32) int {
	if typ == TypeF32 {
		return 4
	}
	return 2
}

// Outliers returns the outliers at the two ends of a group of g elements:
// ceil(alpha/2*g) and g - floor((1-alpha/2)*g), both in float64 as the authors'
// code has them (arXiv 2403.04643, section 3.4); none when alpha is 0.
func Outliers(alpha float64, g int) (low, high int) {
	if alpha == 0 {
		return 0, 0
	}
	half := alpha / 2
	low = int(math.Ceil(float64(half * float64(g))))
	keep := float64(1 - half)
	high = g - int(math.Floor(float64(keep*float64(g))))
	return low, high
}

// ElementBytes returns the bytes of an element of the layout's type.
func (l Layout) ElementBytes() int { return ElementBytes(l.Type) }

// Group returns G, the elements of a group.
func (l Layout) Group() int { return l.Rows * l.HeadDim }

// Outliers returns K, the outliers of a group.
func (l Layout) Outliers() int { return l.Low + l.High }

// EncodeLanes returns the invocations that share a group in encode: one where it can
// keep the outliers of both ends sorted in registers, which takes a tenth of the time of
// selecting them digit by digit; else one for each 256 elements, a power of two, at most 64.
func (l Layout) EncodeLanes() int {
	if l.Low <= maxKept && l.High <= maxKept && l.Group() <= MaxLaneElements {
		return 1
	}
	lanes := 1
	for lanes*256 < l.Group() {
		lanes *= 2
	}
	return lanes
}

// maxKept is the outliers an end that encode keeps sorted: FEW of lib/group.glsl.
const maxKept = 16

// MaxLaneElements is the elements of a group for each of its lanes in encode: llvmpipe ends
// an invocation's loops, without a word, after 65,535 iterations in all. MaxPage keeps to
// that too.
const MaxLaneElements = 2048

// RawRowWords returns the words of a row as it was appended.
func (l Layout) RawRowWords() int { return l.HeadDim * l.ElementBytes() / 4 }

// RawGroupWords returns the words of a group as it was appended.
func (l Layout) RawGroupWords() int { return l.Rows * l.RawRowWords() }

// RowWords returns the words of a row at b bits: 0..8, Raw or Unquantizable.
func (l Layout) RowWords(b uint8) int {
	if b >= Raw {
		return l.RawRowWords()
	}
	return words(int(PlainBits(b))*l.HeadDim, 32)
}

// GroupWords returns the words of a group's rows at b bits, as RowWords.
func (l Layout) GroupWords(b uint8) int { return l.Rows * l.RowWords(b) }

// SupplyWords returns the words that a group at from bits lacks at to bits:
// its missing planes, or its raw rows; 0 when it lacks none.
func (l Layout) SupplyWords(from, to uint8) int {
	switch from, to = PlainBits(from), PlainBits(to); {
	case to <= from:
		return 0
	case to == Raw:
		return l.RawGroupWords()
	}
	return l.GroupWords(to - from)
}

// RangeWords returns the words of a group's min and max.
func (l Layout) RangeWords() int { return 2 * l.ElementBytes() / 4 }

// IndexBits returns the bits of an outlier's index in a page: 8 or 16.
func (l Layout) IndexBits() int {
	if l.Group() <= 256 {
		return 8
	}
	return 16
}

// BitsWords returns the words of the bits of n groups in a page.
func BitsWords(n int) int { return words(n, 8) }

// OutlierValueWords returns the words of the outlier values of n groups.
func (l Layout) OutlierValueWords(n int) int {
	return words(n*l.Outliers()*l.ElementBytes(), 4)
}

// OutlierIndexWords returns the words of the outlier indices of n groups.
func (l Layout) OutlierIndexWords(n int) int {
	return words(n*l.Outliers()*l.IndexBits(), 32)
}

// RangesAt returns the word of a page of n groups where its ranges begin.
func (l Layout) RangesAt(n int) int { return HeaderWords + BitsWords(n) }

// OutlierValuesAt returns the word where the outlier values begin.
func (l Layout) OutlierValuesAt(n int) int { return l.RangesAt(n) + n*l.RangeWords() }

// OutlierIndicesAt returns the word where the outlier indices begin.
func (l Layout) OutlierIndicesAt(n int) int {
	return l.OutlierValuesAt(n) + l.OutlierValueWords(n)
}

// PageHeaderWords returns the words of a page of n groups that do not depend on
// their bits, padding included; the codes begin behind them.
func (l Layout) PageHeaderWords(n int) int {
	return AlignWords(l.OutlierIndicesAt(n) + l.OutlierIndexWords(n))
}

// PageWords returns the size of a page whose groups have the given bits.
func (l Layout) PageWords(bits []uint8) int {
	total, last, words := l.PageHeaderWords(len(bits)), uint8(0), 0
	for _, b := range bits {
		if b != last { // most have the bits of the one before
			last, words = b, l.GroupWords(b)
		}
		total += words
	}
	return total
}

// SlotOutlierWords returns the words of one outlier in a slot.
func (l Layout) SlotOutlierWords() int { return l.ElementBytes() / 2 }

// SlotRowsAt returns the word of a slot where its rows begin.
func (l Layout) SlotRowsAt() int {
	return AlignWords(l.RangeWords() + l.Outliers()*l.SlotOutlierWords())
}

// SlotWords returns the words of a slot: range, outliers, padding and raw rows,
// which are whole multiples of Align.
func (l Layout) SlotWords() int { return l.SlotRowsAt() + l.RawGroupWords() }

// Nibble returns the 4 bits of a page that stand for b: 0..8, Raw or
// Unquantizable.
func Nibble(b uint8) uint32 {
	return uint32(min(b, RawNibble))
}

// PackBits returns the bits words of a page for the given bits, zero padded.
func PackBits(bits []uint8) []uint32 {
	out := make([]uint32, 0, BitsWords(len(bits)))
	for eight := range slices.Chunk(bits, 8) {
		word := uint32(0)
		for i, b := range eight {
			word |= Nibble(b) << (4 * i)
		}
		out = append(out, word)
	}
	return out
}

// UnpackBits reads the bits of len(out) groups from the bits words of a page.
// It returns the first group whose bits are no bit width, or -1.
func UnpackBits(in []uint32, out []uint8) int {
	for g := range out {
		n := in[g/8] >> (g % 8 * 4) & 15
		switch {
		case n == RawNibble:
			out[g] = Raw
		case n <= 8 || n == Evicted:
			out[g] = uint8(n)
		default:
			return g
		}
	}
	return -1
}

// BlockElements are the elements of a block of a row, which have a word in each
// plane where planes start at word borders.
const BlockElements = 32

// Blocks returns the blocks of a row; the last one may be shorter.
func Blocks(headDim int) int { return words(headDim, BlockElements) }

// TileWords returns the words of a tile of arranged queries: D elements and a
// sum a block, of so many vectors.
func TileWords(headDim, queries int) int {
	return AlignWords((headDim + Blocks(headDim)) * queries)
}

// ScoresWords returns the words of the scores of so many tiles and, behind them, of the
// spreads of their query vectors.
func ScoresWords(tiles, stride, queries int) int { return AlignWords(tiles * (stride + 1) * queries) }

// AlignWords rounds words up to a multiple of Align.
func AlignWords(n int) int { return (n + Align - 1) / Align * Align }

// words returns how many units of per parts hold n parts.
func words(n, per int) int { return (n + per - 1) / per }
