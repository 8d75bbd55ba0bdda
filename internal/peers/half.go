package peers

import (
	"math"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// half rounds to the nearest f16.
func half(x float32) float32 {
	return cpuref.Load(shaders.TypeF16, cpuref.Narrow(shaders.TypeF16, math.Float32bits(x)))
}

// Half rounds rows to f16, as an uncompressed cache stores them.
func Half(rows []float32) {
	for i, x := range rows {
		rows[i] = half(x)
	}
}
