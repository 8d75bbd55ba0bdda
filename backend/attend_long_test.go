package backend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// The longest text that the contract names: 512 splits, in several parts.
func TestAttendTo131072Tokens(t *testing.T) {
	cfg := Config{Layers: 1, KVHeads: 1, QueryHeads: 2, HeadDim: 32, OutlierFraction: .05, Capacity: 1 << 17, MaxStepTokens: 4096, Policy: policy.Uniform{KeyBits: 3, ValueBits: 4}}
	var first []float32
	for _, name := range []string{"cpu", "llvmpipe"} {
		d, err := device.Open(name, device.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		s := newSequence(t, d, F32, cfg)
		for range 32 {
			s.append(0, 4096)
			require.NoError(t, s.seq.Step(t.Context()))
		}
		require.Equal(t, 1<<17, s.seq.Tokens())
		q := s.queries(3)
		got := s.attend(0, q, AttendOptions{})
		require.Less(t, relative(got, s.exactAttention(0, q, AttendOptions{})), 1e-5)
		require.Equal(t, got[2*64:], s.attend(0, q[2*64:], AttendOptions{}), "the last query alone")
		if first == nil {
			first = got
		}
		require.Equal(t, first, got, "the same bits on %s", name)
		require.ErrorIs(t, s.seq.Append(0, RowsF32(make([]float32, 32)), RowsF32(make([]float32, 32))), ErrCapacity)
	}
}
