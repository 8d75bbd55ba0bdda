package cpuref

import (
	"math"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryKernelHasAReference(t *testing.T) {
	for _, k := range shaders.All() {
		assert.True(t, Has(k.Name), k.Name)
	}
	assert.Len(t, shaders.All(), len(kernels))
}

func TestRunRefusesWhatDoesNotFit(t *testing.T) {
	push := shaders.CopyPush{Vectors: 3}.Bytes()
	buffers := func(n int) [][]uint32 { return [][]uint32{make([]uint32, n), make([]uint32, 12)} }
	spec := shaders.Spec{Workgroup: 128}.Words(shaders.Copy)
	require.NoError(t, Run(shaders.Copy, spec, push, 1, buffers(12)))
	cases := []struct {
		name    string
		k       *shaders.Kernel
		spec    []uint32
		push    []byte
		buffers [][]uint32
		want    string
	}{
		{"kernel", &shaders.Kernel{Name: "sort"}, spec, push, buffers(12), "sort: no such kernel"},
		{"spec", shaders.Copy, nil, push, buffers(12), "copy: 0 specialization values"},
		{"push", shaders.Copy, spec, push[:3], buffers(12), "copy: push constants of 3 bytes"},
		{"buffers", shaders.Copy, spec, push, buffers(12)[:1], "copy: 1 buffers: must be 2"},
		{"range", shaders.Copy, spec, push, buffers(11), "copy: src[11]: buffer has 11 words"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.ErrorContains(t, Run(c.k, c.spec, c.push, 1, c.buffers), c.want)
		})
	}
}

func TestRangeErrorsAreTyped(t *testing.T) {
	err := Copy(shaders.Spec{}, shaders.CopyPush{Vectors: 0xffffffff}, nil, nil)
	var out *RangeError
	require.ErrorAs(t, err, &out)
	assert.Equal(t, RangeError{"copy", "src", 4*0xffffffff - 1, 0}, *out)
}

func TestCopyIsLimitedByItsInvocations(t *testing.T) {
	src, dst := guarded(40), make([]uint32, 40)
	spec, push := shaders.Spec{Workgroup: 4}.Words(shaders.Copy), shaders.CopyPush{Vectors: 10}.Bytes()
	require.NoError(t, Run(shaders.Copy, spec, push, 2, [][]uint32{src, dst}))
	same(t, append(guarded(32), make([]uint32, 8)...), dst, "two workgroups of four")
	require.NoError(t, Run(shaders.Copy, spec, push, 3, [][]uint32{src, dst}))
	same(t, src, dst, "three")
}

func TestProbeRounds(t *testing.T) {
	f := math.Float32bits
	cases := []struct {
		name                     string
		a, b, c                  float32
		sum, diff, product, both uint32
	}{
		{"plain", 2, 3, 4, f(5), f(-1), f(6), f(10)},
		{"tie to even", 1, 0x1p-24, 0, f(1), f(1 - 0x1p-24), f(0x1p-24), f(0x1p-24)},
		{"two roundings", 1 + 0x1p-12, 1 + 0x1p-12, -1, f(2 + 0x1p-11), 0, f(1 + 0x1p-11), f(0x1p-11)},
		{"subnormals stay", 0x1p-126, 0x1.8p-127, 0, 0x00e00000, 0x00200000, 0, 0},
		{"NaN", inf, -inf, inf, quietNaN, f(inf), f(-inf), quietNaN},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := make([]uint32, 4)
			spec, push := shaders.Spec{Workgroup: 1}.Words(shaders.Probe), shaders.ProbePush{Triples: 1}.Bytes()
			require.NoError(t, Run(shaders.Probe, spec, push, 1, [][]uint32{{f(c.a), f(c.b), f(c.c)}, got}))
			same(t, []uint32{c.sum, c.diff, c.product, c.both}, got, "results")
		})
	}
}

func TestConvertPlacesRows(t *testing.T) {
	src := append(guarded(4), f32s(shaders.TypeF32, ramp(32)...)...) // token 0 row 0
	src = append(src, f32s(shaders.TypeF32, ramp(32)...)...)         // row 1
	src = append(src, guarded(8)...)
	src = append(src, f32s(shaders.TypeF32, ramp(32)...)...) // token 1 row 0
	p := shaders.ConvertPush{Rows: 3, RowsPerToken: 2, SrcOffset: 4, SrcTokenStride: 72, DstOffset: 4, DstTokenStride: 40}
	s := shaders.Spec{Type: shaders.TypeF32, OutType: shaders.TypeF16, HeadDim: 32}
	dst := guarded(64)
	require.NoError(t, Convert(s, p, src, dst, make([]uint32, 1)))
	row := f32s(shaders.TypeF16, ramp(32)...)
	want := append(append(append(append(guarded(4), row...), row...), guarded(8)...), row...)
	same(t, append(want, guarded(4)...), dst, "rows")
}

func TestConvertGoesRoundARing(t *testing.T) {
	src := []uint32{guard, 7, guard, guard}
	for token := range 3 { // of two rows
		src = append(src, f32s(shaders.TypeF32, ramp(64)...)...)
		src[len(src)-64] = uint32(token)
	}
	s := shaders.Spec{Type: shaders.TypeF32, OutType: shaders.TypeF32, HeadDim: 32}
	p := shaders.ConvertPush{
		Rows: 6, RowsPerToken: 2, SrcOffset: 4, SrcTokenStride: 64, DstOffset: 4, DstTokenStride: 64, DstRing: 4, FirstAt: 2,
	}
	// First is 7, in word 1: the tokens go to places 3, 0 and 1.
	want := append(guarded(4), src[4+64:4+192]...)
	want = append(append(want, guarded(64)...), src[4:4+64]...)
	dst := guarded(4 + 4*64)
	require.NoError(t, Convert(s, p, src, dst, make([]uint32, 1)))
	same(t, want, dst, "first from a word")
	p.First, p.FirstAt = 3, 0
	dst = guarded(len(dst))
	require.NoError(t, Convert(s, p, src, dst, make([]uint32, 1)))
	same(t, want, dst, "first from the push constants")
}

func ramp(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(i) - 3.5
	}
	return out
}

func TestConvertOfEqualTypesCopies(t *testing.T) {
	src := make([]uint32, 16)
	for i := range src {
		src[i] = 0x7d01fc01 ^ uint32(i)<<31 // signaling NaNs
	}
	p := shaders.ConvertPush{Rows: 1, RowsPerToken: 1}
	for _, typ := range []uint32{shaders.TypeF16, shaders.TypeBF16} {
		dst := make([]uint32, 16)
		require.NoError(t, Convert(shaders.Spec{Type: typ, OutType: typ, HeadDim: 32}, p, src, dst, make([]uint32, 1)))
		same(t, src, dst, "rows")
	}
}

func TestEncodePlacesGroups(t *testing.T) {
	l := shaders.Layout{Type: shaders.TypeBF16, HeadDim: 32, Rows: 1}
	// Two jobs of two tokens of two groups; the last group is not dispatched.
	p := shaders.EncodePush{
		Groups: 7, GroupsPerJob: 4, GroupsPerToken: 2, TokenStride: 40,
		SlotBase: 8, SlotWords: uint32(l.SlotWords()), Rule: 1, MaxBits: 8,
	}
	f := math.Float32bits
	plan := []uint32{100, 4, 0, 6, f(1), f(2), f(4), f(8)}
	want := []uint32{f(1), f(1), f(1), f(1), f(1), f(1), f(-1)}
	rows := make([]uint32, 200)
	for n, at := range []int{100, 116, 140, 156, 0, 16, 40} {
		copy(rows[at:], f32s(l.Type, append(make([]float32, 31), float32(int(1)<<n))...))
	}
	slots := make([]uint32, 8+7*l.SlotWords())
	require.NoError(t, Encode(specOf(l, 0), p, rows, plan, slots, want))
	// R is 1, 2, 4, ..., the limits 1, 2, 1, 2, 4, 8, 4; the last is pinned.
	assert.Equal(t, []uint32{0, 0, 2, 2, 2, 2, 8}, slots[:7])
	for n := range 7 {
		slot := slots[8+n*l.SlotWords():]
		assert.Equal(t, f(float32(int(1)<<n)), slot[0], "range of group %d", n)
	}
}

func TestDecideIsWhatEncodeDecided(t *testing.T) {
	for _, l := range layouts() {
		n := groupsFor(l)
		rows := pattern(l, n, 31)
		page := encodePage(t, l, rows, repeat(shaders.Raw, n))
		plan, want := []uint32{0, 2, math.Float32bits(0.1)}, []uint32(nil)
		for g := range n {
			want = append(want, math.Float32bits(float32(g)*0.3-0.2))
		}
		p := shaders.EncodePush{
			Groups: uint32(n), GroupsPerJob: uint32(n), GroupsPerToken: 1, TokenStride: uint32(l.RawGroupWords()),
			SlotBase: uint32(shaders.AlignWords(n)), SlotWords: uint32(l.SlotWords()), Rule: 1, MinBits: 1, MaxBits: 7, Delta: 1,
		}
		slots := make([]uint32, shaders.AlignWords(n)+n*l.SlotWords())
		require.NoError(t, Encode(specOf(l, 0), p, rows, plan, slots, want))
		bits := guarded(n)
		require.NoError(t, ChooseBits(specOf(l, 0), shaders.ChooseBitsPush{
			Groups: p.Groups, GroupsPerJob: p.GroupsPerJob, GroupsPerToken: 1, MinBits: 1, MaxBits: 7, Delta: 1,
		}, whole(page), plan, bits, want))
		for g, b := range slots[:n] {
			if b == shaders.Unquantizable {
				b = shaders.Raw
			}
			require.Equal(t, b, bits[g], "%s group %d", name(l), g)
		}
	}
}

// Finite elements that round to an infinity become the largest finite ones and are
// added to the count, where that is asked for.
func TestConvertClamps(t *testing.T) {
	in := []uint32{
		0x477fefff, 0x477ff000, 0xc77ff000, 0x47800000, // 65519.996, 65520, -65520, 65536
		0x7f7f7fff, 0x7f7f8000, 0xff7fffff, // bf16 to its largest; from here on infinite
		0x7f800000, 0xff800000, 0x7fc00000, 0x3f800000,
	}
	for _, c := range []struct {
		name    string
		out     uint32
		clamp   uint32
		want    []uint32
		clamped uint32
	}{
		{"f16", shaders.TypeF16, 1, []uint32{0x7bff, 0x7bff, 0xfbff, 0x7bff, 0x7bff, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x3c00}, 6},
		{"f16 as it rounds", shaders.TypeF16, 0, []uint32{0x7bff, 0x7c00, 0xfc00, 0x7c00, 0x7c00, 0x7c00, 0xfc00, 0x7c00, 0xfc00, 0x7e00, 0x3c00}, 0},
		{"bf16", shaders.TypeBF16, 1, []uint32{0x4780, 0x4780, 0xc780, 0x4780, 0x7f7f, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0, 0x3f80}, 2},
		{"f32", shaders.TypeF32, 1, in, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dst, clamped := make([]uint32, 3*32), make([]uint32, 3*32), []uint32{41}
			for row := range 3 {
				copy(src[row*32:], in)
			}
			p := shaders.ConvertPush{Rows: 3, RowsPerToken: 1, SrcTokenStride: 32, DstTokenStride: 32, Clamp: c.clamp}
			s := shaders.Spec{Type: shaders.TypeF32, OutType: c.out, HeadDim: 32}
			require.NoError(t, Convert(s, p, src, dst, clamped))
			for row := range 3 {
				got := elements{c.out, dst[row*32:]}
				for i, want := range c.want {
					require.Equal(t, want, got.at(i), "element %d", i)
				}
			}
			require.Equal(t, 41+3*c.clamped, clamped[0])
		})
	}
}
