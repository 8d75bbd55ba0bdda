package choose

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLimitsAndWeightsKeepToTheContract(t *testing.T) {
	for _, c := range []struct{ in, want float64 }{{-1, 0}, {math.NaN(), 0}, {1, 1}, {1e300, 0x1p100}, {math.Inf(1), 0x1p100}} {
		assert.Equal(t, float32(c.want), limit32(c.in))
	}
	for _, c := range []struct{ in, want float32 }{{-1, -1}, {-2, -2}, {float32(math.Inf(-1)), -2}, {-1.5, -1}, {float32(math.NaN()), -1}, {0, 0}, {0.5, 0.5}, {1e30, 0x1p20}} {
		assert.Equal(t, c.want, weight32(c.in))
	}
}
