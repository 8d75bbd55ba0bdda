package cpuref

import (
	"math"
	"math/bits"

	"github.com/qaqvk/qaqvk/shaders"
)

// addImportance adds decayed importance, cut to what its words hold.
func addImportance(sum, more uint32) uint32 {
	return uint32(min(uint64(sum)+uint64(more), shaders.MostImportance))
}

// weightOf returns 2^(fraction - k/2): what a share of k blocks of
// queries ago is multiplied by. From half a unit on it does not fall.
func weightOf(k, fraction uint32) float32 {
	k = min(k, 2*fraction+1)
	weight := math.Ldexp(1, int(fraction)-int(k+1)/2)
	if k%2 == 1 {
		weight *= math.Float64frombits(0x3ff6a09e60000000) // the f32 next to the root of 2
	}
	return float32(weight)
}

// decayed returns what is left of importance when factor*2^-32 of it stays, all
// of it where factor is 0.
func decayed(importance, factor uint32) uint32 {
	if factor == 0 {
		return importance
	}
	high, _ := bits.Mul32(importance, factor)
	return high
}
