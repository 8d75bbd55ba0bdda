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
	keys      []uint64  // room for sorting
}

func newGroup(l shaders.Layout) *group {
	return &group{
		layout:   l,
		values:   make([]float32, l.Group()),
		outliers: make([]uint16, l.Outliers()),
		codes:    make([]uint8, l.Group()),
		keys:     make([]uint64, l.Group()),
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
	finite := true
	in := elements{g.layout.Type, rows}
	for i := range g.values {
		x := Load(in.typ, in.at(i))
		g.values[i] = x
		finite = finite && math.Float32bits(x)&infinityF32 != infinityF32
	}
	return finite
}

// selectOutliers sorts the elements by (value, index): the first LOW are the
// low outliers, and what then lies below the last HIGH has the range.
func (g *group) selectOutliers() {
	if g.layout.Outliers() == 0 {
		g.min, g.max = slices.Min(g.values), slices.Max(g.values)
		return
	}
	for i, x := range g.values {
		g.keys[i] = uint64(orderKey(x))<<32 | uint64(i)
	}
	slices.Sort(g.keys)
	low, high, n := g.layout.Low, g.layout.High, len(g.keys)
	g.min, g.max = g.sorted(low), g.sorted(n-high-1)
	for i, k := range g.keys[:low] {
		g.outliers[i] = uint16(k)
	}
	g.takeHigh(g.outliers[low:])
	slices.Sort(g.outliers[:low])
	slices.Sort(g.outliers[low:])
}

// takeHigh lists the high outliers: all above the HIGH-th largest value, and of
// those equal to it the lowest indices that are no low outliers.
func (g *group) takeHigh(out []uint16) {
	if len(out) == 0 {
		return
	}
	n := len(g.keys)
	threshold := g.keys[n-len(out)] >> 32
	above, _ := slices.BinarySearch(g.keys, (threshold+1)<<32)
	equal, _ := slices.BinarySearch(g.keys, threshold<<32)
	equal = max(equal, g.layout.Low)
	for i := range out {
		from := above + i
		if from >= n {
			from = equal + from - n
		}
		out[i] = uint16(g.keys[from])
	}
}

// sorted returns the i-th smallest value once keys are sorted.
func (g *group) sorted(i int) float32 { return g.values[uint32(g.keys[i])] }

// orderKey maps loaded values to integers of the same order.
func orderKey(x float32) uint32 {
	b := math.Float32bits(x)
	if b>>31 != 0 {
		return ^b
	}
	return b | 1<<31
}
