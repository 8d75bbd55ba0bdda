package backend

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
)

func TestPageBytes(t *testing.T) {
	for _, c := range cacheCases {
		for _, p := range []policy.Policy{policy.None{}, policy.Uniform{KeyBits: 3, ValueBits: 8}, testQAQ(policy.Paper)} {
			t.Run(fmt.Sprintf("%s/%s", c.name, p.Name()), func(t *testing.T) {
				cfg := c.cfg
				cfg.Capacity, cfg.MaxStepTokens, cfg.Policy, cfg.HostBudget = 200, 32, p, 1<<24
				s := newSequence(t, cpu(t), c.appended, cfg)
				for range 6 {
					s.step(32)
				}
				st := s.seq.Stats()
				got, err := cfg.PageBytes(st.Stored, st.K.Mean, st.V.Mean)
				require.NoError(t, err)
				require.InEpsilon(t, 4*s.seq.table.Words(), got, .02, "and alignment")
			})
		}
	}
	for bits, want := range map[float64]string{
		-1: "backend: -1 bits for v: must be 0..16: bad cache configuration",
		17: "backend: 17 bits for v: must be 0..16: bad cache configuration",
	} {
		_, err := small.PageBytes(64, 3, bits)
		require.EqualError(t, err, want)
	}
	_, err := small.PageBytes(-1, 3, 3)
	require.EqualError(t, err, "backend: pages of -1 tokens: must not be negative: bad cache configuration")
	_, err = Config{}.PageBytes(1, 3, 3)
	require.ErrorIs(t, err, policy.ErrConfig)
}
