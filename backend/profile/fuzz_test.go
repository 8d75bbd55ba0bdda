package profile_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// FuzzParse: bytes from anywhere give a profile that is valid and comes back as it
// was, or one of the package's errors.
func FuzzParse(f *testing.F) {
	data, err := random(1, policy.Shape{Layers: 1, KVHeads: 1, HeadDim: 32}).Bytes()
	require.NoError(f, err)
	f.Add(data)
	f.Add(data[:100])
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := profile.Parse(data)
		if err != nil {
			if !errors.Is(err, profile.ErrFormat) && !errors.Is(err, profile.ErrVersion) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		again, err := p.Bytes()
		require.NoError(t, err)
		q, err := profile.Parse(again)
		require.NoError(t, err)
		require.Equal(t, p.Hash(), q.Hash())
		p.Bits()
		if _, err := p.AllTables(shaders.TypeF16); err != nil {
			require.ErrorIs(t, err, profile.ErrFormat)
		}
	})
}
