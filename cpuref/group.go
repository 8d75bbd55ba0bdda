package cpuref

import (
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

const (
	rangeLimit = 0x1p126  // a group of this range or more is stored raw
	rangeFloor = 0x1p-100 // a range below this is taken as 0
)

// group is what the codec finds out about G elements. It is reused for many
// groups of a layout.
type group struct {
	layout    shaders.Layout
	values    []float32 // G loaded values
	outliers  []uint16  // K indices, low end first, each end ascending
	min, max  float32   // of the values that are no outliers
	quantizes bool      // false: stored raw, with range (+inf, -inf)
	codes     []uint8   // room for G codes
	raw       []uint32  // room for G elements
	marks     []bool    // room for G marks
	ends      []uint64  // room for the keys of one end's outliers
}

func newGroup(l shaders.Layout) *group {
	return &group{
		layout:   l,
		values:   make([]float32, l.Group()),
		outliers: make([]uint16, l.Outliers()),
		codes:    make([]uint8, l.Group()),
		raw:      make([]uint32, l.Group()),
		marks:    make([]bool, l.Group()),
		ends:     make([]uint64, 0, l.Outliers()),
	}
}

// read loads the rows of a group and finds its outliers and range.
func (g *group) read(rows []uint32) {
	g.quantizes = g.load(rows)
	if g.quantizes {
		g.selectOutliers()
		g.quantizes = float32(g.max-g.min) < rangeLimit
	}
	if !g.quantizes {
		clear(g.outliers)
		g.min, g.max = float32(math.Inf(1)), float32(math.Inf(-1))
	}
}

// load reports whether all values are finite.
func (g *group) load(rows []uint32) bool {
	unpackRow(elements{g.layout.Type, rows}, g.raw)
	finite, table := true, loadedF16()
	for i, element := range g.raw {
		x := table[element&0xffff]
		if g.layout.Type != shaders.TypeF16 {
			x = Load(g.layout.Type, element)
		}
		g.values[i] = x
		finite = finite && math.Float32bits(x)&infinityF32 != infinityF32
	}
	return finite
}

// selectOutliers takes the low outliers, then the high ones from what is left,
// and the range of what is left then. A key is a value and its index in one
// integer; all keys differ.
func (g *group) selectOutliers() {
	low, high := g.layout.Low, g.layout.High
	g.ends = keepLeast(g.ends[:0], low, g.values, func(x float32, i int) (uint64, bool) {
		return uint64(orderKey(x))<<32 | uint64(i), true
	})
	listIndices(g.ends, g.outliers[:low])
	isOutlier := g.marks
	clear(isOutlier)
	for _, i := range g.outliers[:low] {
		isOutlier[i] = true
	}
	g.ends = keepLeast(g.ends[:0], high, g.values, func(x float32, i int) (uint64, bool) {
		return uint64(^orderKey(x))<<32 | uint64(i), !isOutlier[i]
	})
	listIndices(g.ends, g.outliers[low:])
	for _, i := range g.outliers[low:] {
		isOutlier[i] = true
	}
	g.min, g.max = float32(math.Inf(1)), float32(math.Inf(-1))
	for i, x := range g.values {
		if !isOutlier[i] {
			g.min, g.max = min(g.min, x), max(g.max, x)
		}
	}
}

// keepLeast appends the n least keys of values to kept, in order. key returns
// false for a value that is not to be taken.
func keepLeast(kept []uint64, n int, values []float32, key func(x float32, i int) (uint64, bool)) []uint64 {
	if n == 0 {
		return kept
	}
	for i, x := range values {
		k, ok := key(x, i)
		if !ok || len(kept) == n && k > kept[n-1] {
			continue
		}
		if len(kept) == n {
			kept = kept[:n-1]
		}
		at, _ := slices.BinarySearch(kept, k)
		kept = slices.Insert(kept, at, k)
	}
	return kept
}

// listIndices lists the indices of keys in ascending order.
func listIndices(keys []uint64, out []uint16) {
	for i, k := range keys {
		out[i] = uint16(k)
	}
	slices.Sort(out)
}

// orderKey maps loaded values to integers of the same order.
func orderKey(x float32) uint32 {
	b := math.Float32bits(x)
	if b>>31 != 0 {
		return ^b
	}
	return b | 1<<31
}
