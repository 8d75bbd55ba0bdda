package backend

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
)

// A value beyond the largest one of the cache's type is that value, in Attend and
// in Read, whichever comes first, in the recent window and in pages, and counted
// once.
func TestClampsWhatTheTypeDoesNotHaveOnVulkan(t *testing.T) {
	const belowF16, aboveF16 = 65519.996, 65520 // 65504 rounded; infinite rounded
	belowBF16, aboveBF16 := math.Float32frombits(0x7f7f7fff), math.Float32frombits(0x7f7f8000)
	both := openLLVMpipe(t, "both:llvmpipe")
	for _, c := range []struct {
		name          string
		rows, typ     Type
		in, want      []float32 // elements
		clamped, wide int64     // elements; groups that cannot be quantized, as infinities and ranges of 2^126 cannot
	}{
		{"f32 to f16", F32, F16, []float32{70000, 60000, -3e38, belowF16, aboveF16}, []float32{65504, 60000, -65504, 65504, 65504}, 3, 0},
		{"bf16 to f16", BF16, F16, []float32{70144, 60160, -3.0128e38}, []float32{65504, 60160, -65504}, 2, 0},
		{"f32 to bf16", F32, BF16, []float32{belowBF16, aboveBF16, -math.MaxFloat32}, []float32{0x1.fep127, 0x1.fep127, -0x1.fep127}, 2, 1},
		{"f32 kept", F32, F32, []float32{70000, -math.MaxFloat32}, []float32{70000, -math.MaxFloat32}, 0, 1},
		{"f16 to bf16", F16, BF16, []float32{65504}, []float32{65536}, 0, 0},
		{"not finite", F32, F16, []float32{float32(math.Inf(1)), float32(math.Inf(-1))}, []float32{float32(math.Inf(1)), float32(math.Inf(-1))}, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, first := range []string{"attend", "read", "step"} {
				testClamp(t, cpu(t), first, c.rows, c.typ, c.in, c.want, c.clamped, c.wide)
			}
			testClamp(t, both, "attend", c.rows, c.typ, c.in, c.want, c.clamped, c.wide)
		})
	}
}

func testClamp(t *testing.T, d device.Device, first string, rows, typ Type, in, want []float32, clamped, wide int64) {
	s := newSequence(t, d, rows, Config{Layers: 1, KVHeads: 1, QueryHeads: 1, HeadDim: 32, Capacity: 100, Type: typ, Sequences: 2})
	k, v := make([]float32, 32), make([]float32, 32)
	copy(v[3:], in)
	s.seqAppend(k, v)
	out, got := make([]float32, 32), make([]float32, 32)
	attend := func() {
		require.NoError(t, s.seq.Attend(t.Context(), 0, RowsF32(k), RowsF32(out), AttendOptions{}))
		for i, x := range want { // of one token attention is V, but for its own bounds
			if x := float64(x); math.Abs(x) <= 0x1p80 {
				require.InEpsilon(t, x, float64(out[3+i]), 1e-6, "attended element %d", i)
			}
		}
	}
	read := func() {
		_, err := s.seq.Read(0, RowsF32(make([]float32, 32)), RowsF32(got))
		require.NoError(t, err)
		require.Equal(t, want, got[3:3+len(want)])
	}
	step := func() { require.NoError(t, s.seq.Step(t.Context())) }
	all := map[string]func(){"attend": attend, "read": read, "step": step}
	all[first]()
	for _, call := range all {
		call()
	}
	require.Equal(t, clamped, s.c.Stats().Clamped)
	require.Equal(t, clamped, s.seq.Stats().Clamped)
	f, err := s.seq.Fork()
	require.NoError(t, err)
	require.Zero(t, f.Stats().Clamped)
	for range 21 { // the token goes to a page
		s.seqAppend(k, k)
		step()
	}
	require.Equal(t, wide, s.c.Stats().NonFinite)
	require.NoError(t, s.seq.Rollback(22))
	require.NoError(t, s.seq.Drop())
	require.Equal(t, clamped, s.c.Stats().Clamped)
}

// seqAppend appends a token to layer 0.
func (s *sequence) seqAppend(k, v []float32) {
	require.NoError(s.t, s.seq.Append(0, rowsOf(s.typ, narrowed(k, s.typ)), rowsOf(s.typ, narrowed(v, s.typ))))
}

// The model that tests compare with clamps as the cache does, so every test of
// rows holds for large ones.
func TestLargeRowsInPagesOnVulkan(t *testing.T) {
	for _, typ := range []Type{F16, BF16} {
		s := newSequence(t, openLLVMpipe(t, "both:llvmpipe"), F32, Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 100, Type: typ, Policy: testQAQ(0), AdaptEvery: -1, HostBudget: 1 << 20})
		for range 2 {
			for layer := range 2 {
				k, v := s.values(30), s.values(30)
				for i := 0; i < len(k); i += 7 {
					k[i] *= 0x1p16
					v[i] = math.MaxFloat32
				}
				s.appendValues(layer, k, v)
				s.observe(layer, 30)
			}
			require.NoError(t, s.seq.Step(t.Context()))
			s.adapt()
			s.requireRows(F32)
		}
		require.Positive(t, s.c.Stats().Clamped)
		require.Equal(t, typ == BF16, s.c.Stats().NonFinite > 0, "ranges of 2^126 and more")
		s.rollback(40) // rows that come back from the host
		s.requireRows(F32)
	}
}
