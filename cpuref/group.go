package cpuref

import (
	"math"

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
	row, finite := elements{g.layout.Type, rows}, true
	unpackRow(row, g.raw)
	row.load(g.values)
	for _, x := range g.values {
		finite = finite && isFinite(x)
	}
	return finite
}
