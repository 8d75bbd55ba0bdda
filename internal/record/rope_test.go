package record_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/record"
)

func TestTurning(t *testing.T) {
	plain, reason := record.Turning{Dims: 4, Base: 10000, Scale: 1}.RoPE()
	assert.Empty(t, reason)
	assert.False(t, plain.Halves)
	assert.Equal(t, []float64{1, math.Pow(10000, -0.5)}, plain.Speeds)
	halves, _ := record.Turning{Dims: 4, Mode: 2, Base: 10000, Scale: float32(1 / 2.5), Factors: []float32{1, 8}}.RoPE()
	assert.True(t, halves.Halves)
	assert.Equal(t, model.Rope{Dims: 4, Base: 10000, Scale: 2.5}.Speeds([]float32{1, 8}), halves.Speeds)
	yarn, _ := record.Turning{Dims: 64, Base: 1e6, Scale: 0.25, Mix: 1, Fast: 32, Slow: 1, Context: 4096}.RoPE()
	assert.Equal(t, model.Rope{Dims: 64, Base: 1e6, Scale: 4, YaRN: model.YaRN{Mix: 1, Fast: 32, Slow: 1, Context: 4096}}.Speeds(nil), yarn.Speeds)
}

func TestTurningUnknown(t *testing.T) {
	for want, x := range map[string]record.Turning{
		"elsewhere":                     {Unknown: "elsewhere"},
		"RoPE of ggml's mode 8":         {Dims: 4, Mode: 8, Base: 10000, Scale: 1},
		"RoPE of 3 elements":            {Dims: 3, Base: 10000, Scale: 1},
		"base 0, scale 1":               {Dims: 4, Scale: 1},
		"base 10000, scale 0":           {Dims: 4, Base: 10000},
		"base 10000, scale 1, 1 factor": {Dims: 4, Base: 10000, Scale: 1, Factors: []float32{1}},
	} {
		r, reason := x.RoPE()
		assert.Contains(t, reason, want)
		assert.Empty(t, r.Speeds)
	}
}
