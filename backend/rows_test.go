package backend

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows given as patterns are those given as bytes.
func TestRowsOf16Bits(t *testing.T) {
	const tokens, elements = 20, 20 * 2 * 32
	for _, typ := range []Type{F16, BF16} {
		t.Run(typ.String(), func(t *testing.T) {
			s := newSequence(t, cpu(t), typ, Config{Layers: 1, KVHeads: 2, QueryHeads: 2, HeadDim: 32, Capacity: 64, Type: typ})
			patterns := func() []uint16 {
				out := make([]uint16, elements)
				for i, w := range narrowed(s.values(tokens), typ) {
					out[2*i], out[2*i+1] = uint16(w), uint16(w>>16)
				}
				return out
			}
			k, v := patterns(), patterns()
			require.NoError(t, s.seq.Append(0, RowsU16(typ, k), RowsU16(typ, v)))
			gotK, gotV := make([]uint16, elements), make([]uint16, elements)
			n, err := s.seq.Read(0, RowsU16(typ, gotK), RowsU16(typ, gotV))
			require.NoError(t, err)
			require.Equal(t, tokens, n)
			require.Equal(t, k, gotK)
			require.Equal(t, v, gotV)

			out, bytes := make([]uint16, 2*32), make([]byte, 2*2*32)
			require.NoError(t, s.seq.Attend(t.Context(), 0, RowsU16(typ, k[:64]), RowsU16(typ, out), AttendOptions{}))
			require.NoError(t, s.seq.Attend(t.Context(), 0, RowsU16(typ, k[:64]), RowsBytes(typ, bytes), AttendOptions{}))
			for i, p := range out {
				require.Equal(t, uint16(bytes[2*i])|uint16(bytes[2*i+1])<<8, p)
			}
			require.NotZero(t, out[0])
		})
	}
}
