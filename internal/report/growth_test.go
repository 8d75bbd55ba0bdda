package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewGrowth(t *testing.T) {
	for _, c := range []struct {
		name      string
		live      []int64 // at 10, 20, 30, ... tokens
		slope, r2 float64
	}{
		{"line", []int64{1100, 2100, 3100, 4100}, 100, 1},
		{"level", []int64{7, 7, 7}, 0, 1},
		{"two", []int64{5, 25}, 2, 1},
		{"bent", []int64{0, 10, 40}, 2, 0.923077}, // 400² / (200 · 866.67)
		{"falling", []int64{30, 20, 10}, -1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var samples []Sample
			for i, l := range c.live {
				samples = append(samples, Sample{Tokens: 10 * (i + 1), Live: l})
			}
			g := NewGrowth(samples)
			require.Equal(t, &Growth{c.slope, c.r2, samples}, g)
		})
	}
	require.Nil(t, NewGrowth(nil))
	require.Nil(t, NewGrowth([]Sample{{Tokens: 3, Live: 9}}))
	require.Nil(t, NewGrowth([]Sample{{Tokens: 3, Live: 9}, {Tokens: 3, Live: 8}}), "no line through one number of tokens")
}
