package model_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
)

func logs(p ...float64) (out []float32) {
	for _, x := range p {
		out = append(out, float32(math.Log(x)))
	}
	return out
}

func TestKLD(t *testing.T) {
	for _, c := range []struct {
		name           string
		reference, run []float32
		want           float64
	}{
		{"equal", logs(0.2, 0.8), logs(0.2, 0.8), 0},
		{"shifted", []float32{1, 2, 3}, []float32{101, 102, 103}, 0},
		{"half and quarter", logs(0.5, 0.5), logs(0.25, 0.75), 0.5*math.Log(2) + 0.5*math.Log(0.5/0.75)},
		{"the other way", logs(0.25, 0.75), logs(0.5, 0.5), 0.25*math.Log(0.5) + 0.75*math.Log(1.5)},
		{"huge logits", []float32{3e38, 3e38}, []float32{-3e38, -3e38}, 0},
		{"no overflow", []float32{1000, 0}, []float32{0, 1000}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := model.KLD(c.reference, c.run)
			require.NoError(t, err)
			assert.InDelta(t, c.want, got, 1e-6)
			assert.GreaterOrEqual(t, got, 0.0)
		})
	}
}

func TestQuality(t *testing.T) {
	var q model.Quality
	assert.NotEqual(t, q.Top1(), q.Top1(), "NaN before the first")
	require.NoError(t, q.Add(logs(0.5, 0.3, 0.2), logs(0.5, 0.3, 0.2)))
	require.NoError(t, q.Add(logs(0.5, 0.5), logs(0.25, 0.75)))
	assert.Equal(t, 2, q.Tokens)
	assert.Equal(t, 0.5, q.Top1())
	assert.InDelta(t, 0.5*(0.5*math.Log(2)+0.5*math.Log(0.5/0.75)), q.KLD(), 1e-6)
}

func TestQualityRejects(t *testing.T) {
	var q model.Quality
	require.ErrorIs(t, q.Add(nil, nil), model.ErrCompare)
	require.ErrorIs(t, q.Add(logs(1), logs(0.5, 0.5)), model.ErrCompare)
	require.ErrorIs(t, q.Add([]float32{float32(math.NaN()), 1}, logs(0.5, 0.5)), model.ErrCompare)
	assert.Zero(t, q.Tokens)
}
