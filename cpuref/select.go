package cpuref

import (
	"math"
	"slices"
)

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
