package cpuref

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// plainSelect takes outliers by their definition: one after the other.
func plainSelect(values []float32, low, high int) (outliers []uint16, min, max float32) {
	left := make([]uint16, len(values))
	for i := range left {
		left[i] = uint16(i)
	}
	take := func(n int, better func(a, b float32) bool) {
		var end []uint16
		for range n {
			best := 0
			for i, at := range left {
				if better(values[at], values[left[best]]) {
					best = i
				}
			}
			end = append(end, left[best])
			left = slices.Delete(left, best, best+1)
		}
		slices.Sort(end)
		outliers = append(outliers, end...)
	}
	take(low, func(a, b float32) bool { return a < b })
	take(high, func(a, b float32) bool { return a > b })
	byValue := func(a, b uint16) int { return cmp.Compare(values[a], values[b]) }
	return outliers, values[slices.MinFunc(left, byValue)], values[slices.MaxFunc(left, byValue)]
}

func TestSelectionIsTheDefinition(t *testing.T) {
	for _, l := range layouts() {
		if l.Group() > 1024 {
			continue
		}
		t.Run(name(l), func(t *testing.T) {
			rows := pattern(l, 16, 7)
			g := newGroup(l)
			for n := range 16 {
				g.read(rows[n*l.RawGroupWords() : (n+1)*l.RawGroupWords()])
				if !g.quantizes {
					require.Equal(t, 6, n%8, "only the group with a NaN")
					continue
				}
				outliers, min, max := plainSelect(g.values, l.Low, l.High)
				require.Equal(t, outliers, append([]uint16(nil), g.outliers...), "group %d", n)
				require.Equal(t, [2]float32{min, max}, [2]float32{g.min, g.max}, "group %d", n)
			}
		})
	}
}

func TestSelectionTable(t *testing.T) {
	cases := []struct {
		name      string
		low, high int
		first     []float32 // the rest of 32 is 1
		outliers  []uint16
		min, max  float32
	}{
		{"none", 0, 0, []float32{-3, 5}, []uint16{}, -3, 5},
		{"distinct", 2, 2, []float32{5, -3, 7, -4, 9}, []uint16{1, 3, 2, 4}, 1, 5},
		{"all equal: both ends take the lowest", 2, 2, nil, []uint16{0, 1, 2, 3}, 1, 1},
		{"low tie", 1, 0, []float32{2, 0, 0}, []uint16{1}, 0, 2},
		{"high tie", 0, 1, []float32{2, 3, 3}, []uint16{1}, 1, 3},
		{"high tie partly above", 0, 2, []float32{3, 9, 3}, []uint16{0, 1}, 1, 3},
		{"ends touch", 1, 30, []float32{1, 1, 5}, []uint16{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
			16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}, 1, 1},
		{"-0 is 0", 1, 1, []float32{0, float32(math.Copysign(0, -1)), 2}, []uint16{0, 2}, 0, 1},
		{"one huge", 1, 1, []float32{1, 0, 3e38}, []uint16{1, 2}, 1, 1},
		{"huge on both sides", 1, 1, []float32{-3e38, 0, 3e38}, []uint16{0, 2}, 0, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			values := append([]float32(nil), c.first...)
			for len(values) < 32 {
				values = append(values, 1)
			}
			g := newGroup(shaders.Layout{Type: shaders.TypeF32, HeadDim: 32, Rows: 1, Low: c.low, High: c.high})
			g.read(f32s(shaders.TypeF32, values...))
			assert.True(t, g.quantizes)
			assert.Equal(t, c.outliers, g.outliers)
			assert.Equal(t, [2]float32{c.min, c.max}, [2]float32{g.min, g.max})
		})
	}
}

func TestWhatCannotBeQuantized(t *testing.T) {
	cases := []struct {
		name      string
		x, y      float32
		quantizes bool
	}{
		{"finite", -1, 1, true},
		{"NaN", nan, 1, false},
		{"infinity", 1, inf, false},
		{"negative infinity", -inf, 1, false},
		{"range just below the limit", 0, 0x1.fffffep125, true},
		{"range of the limit", 0, 0x1p126, false},
		{"range that overflows", -3e38, 3e38, false},
		{"far from zero, short range", 3e38, 3e38, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGroup(shaders.Layout{Type: shaders.TypeF32, HeadDim: 32, Rows: 1})
			g.read(f32s(shaders.TypeF32, append(make([]float32, 30), c.x, c.y)...))
			assert.Equal(t, c.quantizes, g.quantizes)
			if !c.quantizes {
				assert.Equal(t, [2]float32{inf, -inf}, [2]float32{g.min, g.max})
			}
		})
	}
}
