package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

func TestEvictingPolicies(t *testing.T) {
	for _, policy := range []string{"h2o", "scissorhands"} {
		t.Run(policy, func(t *testing.T) {
			o := full(t, 40)
			o.Policy, o.Budget = policy, 60
			r, err := run(t, o)
			require.NoError(t, err)
			require.Equal(t, policy, r.Policy)
			require.Equal(t, "level head, outliers 0 %, budget of 60 tokens", r.Setting)
			for bits, groups := range r.Histogram.K[:16] {
				require.Equal(t, bits == shaders.Evicted, groups > 0, bits)
			}
			require.Positive(t, r.Evicted.K)
			require.Equal(t, r.Evicted.K, r.Evicted.V)
			require.Positive(t, r.Histogram.K[16])
			require.Equal(t, r.Histogram.K, r.Histogram.V)

			o.Budget = 0
			_, err = run(t, o)
			require.ErrorContains(t, err, policy+": budget of 0 tokens: must be at least 1")
		})
	}
}
