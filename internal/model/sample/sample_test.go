package sample_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/sample"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

func TestGreedy(t *testing.T) {
	for _, c := range []struct {
		name   string
		logits []float32
		want   int
		err    error
	}{
		{"largest", []float32{1, 3, 2}, 1, nil},
		{"lowest of equals", []float32{1, 3, 3}, 1, nil},
		{"negative", []float32{-2, -1}, 1, nil},
		{"masked", []float32{-inf, -5}, 1, nil},
		{"all masked", []float32{-inf, -inf}, 0, sample.ErrLogits},
		{"empty", nil, 0, sample.ErrLogits},
		{"NaN", []float32{1, nan}, 0, sample.ErrLogits},
		{"infinite", []float32{1, inf}, 0, sample.ErrLogits},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := sample.Greedy(c.logits)
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.want, got)
		})
	}
}

// draw counts the tokens of 20,000 draws.
func draw(t *testing.T, o sample.Options, logits []float32) []float64 {
	t.Helper()
	s, err := sample.New(o)
	require.NoError(t, err)
	share := make([]float64, len(logits))
	for range 20000 {
		token, err := s.Next(logits)
		require.NoError(t, err)
		share[token] += 1.0 / 20000
	}
	return share
}

func TestTopP(t *testing.T) {
	// Probabilities 0.1, 0.4, 0.3, 0.2.
	logits := []float32{float32(math.Log(0.1)), float32(math.Log(0.4)), float32(math.Log(0.3)), float32(math.Log(0.2))}
	for _, c := range []struct {
		name        string
		temperature float64
		p           float64
		want        []float64
	}{
		{"all", 1, 1, []float64{0.1, 0.4, 0.3, 0.2}},
		{"two", 1, 0.6, []float64{0, 4.0 / 7, 3.0 / 7, 0}},
		{"one", 1, 0.39, []float64{0, 1, 0, 0}},
		{"three", 1, 0.75, []float64{0, 4.0 / 9, 3.0 / 9, 2.0 / 9}},
		{"cold", 0.5, 1, []float64{1.0 / 30, 16.0 / 30, 9.0 / 30, 4.0 / 30}},
		{"greedy", 0, 0.9, []float64{0, 1, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := draw(t, sample.Options{Temperature: c.temperature, TopP: c.p, Seed: 5}, logits)
			assert.InDeltaSlice(t, c.want, got, 0.015)
		})
	}
}

func TestSeedsRepeat(t *testing.T) {
	logits := make([]float32, 100)
	sequence := func(seed uint64) (out []int) {
		s, err := sample.New(sample.Options{Temperature: 1, TopP: 0.95, Seed: seed})
		require.NoError(t, err)
		for range 50 {
			token, err := s.Next(logits)
			require.NoError(t, err)
			out = append(out, token)
		}
		return out
	}
	assert.Equal(t, sequence(1), sequence(1))
	assert.NotEqual(t, sequence(1), sequence(2))
}

func TestOptionsOutOfRange(t *testing.T) {
	for _, o := range []sample.Options{
		{Temperature: -1, TopP: 1}, {Temperature: math.NaN(), TopP: 1}, {Temperature: math.Inf(1), TopP: 1},
		{Temperature: 1, TopP: 0}, {Temperature: 1, TopP: 1.1}, {Temperature: 1, TopP: math.NaN()},
	} {
		_, err := sample.New(o)
		require.ErrorIs(t, err, sample.ErrOption, "%+v", o)
	}
	s, err := sample.New(sample.Options{Temperature: 1, TopP: 1})
	require.NoError(t, err)
	_, err = s.Next([]float32{nan})
	require.ErrorIs(t, err, sample.ErrLogits)
}
