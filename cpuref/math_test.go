package cpuref

import (
	"math"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// floatsFrom calls visit for every step-th f32 of one sign from low to high.
func floatsFrom(low, high float32, step uint32, visit func(x float32)) {
	for w := math.Float32bits(low); w <= math.Float32bits(high); w += step {
		visit(math.Float32frombits(w))
	}
}

func TestExponentialIsCloseToExp(t *testing.T) {
	worst := 0.0
	check := func(x float32) {
		want := math.Exp(float64(x))
		worst = max(worst, math.Abs(float64(exponential(x))-want)/want)
	}
	floatsFrom(-0x1p-30, -80, 211, check)
	floatsFrom(-1, -4, 7, check)
	t.Logf("largest relative error: 2^%.2f", math.Log2(worst))
	assert.Less(t, worst, 0x1p-22)
	assert.Greater(t, worst, 0x1p-26)
}

func TestExponentialAtItsEnds(t *testing.T) {
	assert.Equal(t, float32(1), exponential(0))
	assert.Equal(t, float32(1), exponential(-0x1p-149))
	assert.Greater(t, exponential(-80), float32(0))
	assert.Zero(t, exponential(math.Nextafter32(-80, -inf)))
	assert.Zero(t, exponential(-inf))
	assert.Zero(t, exponential(nan))
}

func TestReciprocalIsCloseToTheQuotient(t *testing.T) {
	worst := 0.0
	check := func(x float32) { worst = max(worst, math.Abs(float64(reciprocal(x))*float64(x)-1)) }
	floatsFrom(1, 4, 5, check)
	floatsFrom(1, 0x1p100, 5003, check)
	t.Logf("largest relative error: 2^%.2f", math.Log2(worst))
	assert.Less(t, worst, 0x1p-22)
}

func TestSoftCapIsCloseToTanh(t *testing.T) {
	for _, limit := range []float32{1, 5, 30, 50, 1000, 0x1p40} {
		worst := 0.0
		floatsFrom(0, 0x1p120, 20011, func(r float32) {
			want := float64(limit) * math.Tanh(float64(r)/float64(limit))
			got := softCap(r, limit, 1/limit)
			worst = max(worst, math.Abs(float64(got)-want)/float64(limit))
			require.Equal(t, flush(-got), softCap(-r, limit, 1/limit))
		})
		assert.Less(t, worst, 0x1p-21, "cap %g", limit)
	}
}

func TestBoundsOfStoredValues(t *testing.T) {
	most, least := float32(0x1p80), float32(0x1p-40)
	cases := []struct {
		name    string
		x, want float32
	}{
		{"plain", -1.5, -1.5}, {"zero", 0, 0}, {"smallest", least, least},
		{"below", math.Nextafter32(least, 0), 0}, {"below, negative", -math.Nextafter32(least, 0), 0},
		{"largest", most, most}, {"above", math.Nextafter32(most, inf), most}, {"far below", -0x1p127, -most},
	}
	for _, c := range cases {
		assert.Equal(t, math.Float32bits(c.want), math.Float32bits(bound(c.x)), c.name)
	}
	for element := range uint32(1 << 16) {
		x := Load(shaders.TypeF16, element)
		if isFinite(x) {
			require.Equal(t, x, bound(x), "f16 %#x", element)
		}
	}
	assert.Zero(t, math.Float32bits(loadFinite(shaders.TypeF16, 0xfc00)), "infinity")
	assert.Zero(t, math.Float32bits(loadFinite(shaders.TypeBF16, 0x7fc1)), "NaN")
}
