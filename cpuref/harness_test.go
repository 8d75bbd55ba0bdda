package cpuref

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const guard = 0xdeadbeef

// specOf returns the specialization of a layout with the given output type.
func specOf(l shaders.Layout, out uint32) shaders.Spec {
	return shaders.Spec{
		Workgroup: 128, Lanes: 1, Type: l.Type, OutType: out,
		HeadDim: uint32(l.HeadDim), Rows: uint32(l.Rows), Low: uint32(l.Low), High: uint32(l.High),
	}
}

// layouts covers types, row lengths, group sizes and outlier counts.
func layouts() (out []shaders.Layout) {
	for i, d := range []int{32, 40, 64, 72, 80, 96, 128, 256} {
		for _, rows := range []int{1, 3} {
			for _, alpha := range []float64{0, 0.01, 0.1} {
				low, high := shaders.Outliers(alpha, d*rows)
				out = append(out, shaders.Layout{Type: uint32(i+rows) % 3, HeadDim: d, Rows: rows, Low: low, High: high})
			}
		}
	}
	for typ := range uint32(3) {
		low, high := shaders.Outliers(0.03, 64)
		out = append(out, shaders.Layout{Type: typ, HeadDim: 64, Rows: 1, Low: low, High: high})
	}
	low, high := shaders.Outliers(0.01, shaders.MaxGroup)
	return append(out, shaders.Layout{Type: shaders.TypeF16, HeadDim: 128, Rows: 128, Low: low, High: high})
}

func name(l shaders.Layout) string {
	return fmt.Sprintf("t%d/d%d/r%d/k%d+%d", l.Type, l.HeadDim, l.Rows, l.Low, l.High)
}

// pattern fills groups with one kind of values each, by turns.
func pattern(l shaders.Layout, groups int, seed uint64) []uint32 {
	r := rand.New(rand.NewPCG(seed, uint64(l.HeadDim)))
	out := make([]uint32, groups*l.RawGroupWords())
	for n := range groups {
		e := elements{l.Type, out[n*l.RawGroupWords() : (n+1)*l.RawGroupWords()]}
		scale := float32(math.Ldexp(1, r.IntN(12)-6))
		for i := range l.Group() {
			e.set(i, element(l.Type, n%8, i, scale, r))
		}
	}
	return out
}

func element(typ uint32, kind, i int, scale float32, r *rand.Rand) uint32 {
	x := float32(r.NormFloat64())
	switch kind {
	case 0:
		x *= scale
	case 1: // many ties
		x = float32(r.IntN(5) - 2)
	case 2: // zeros of both signs
		x = float32(math.Copysign(0, float64(x)))
	case 3: // one huge outlier
		if i == 7 {
			x = 60000
		}
	case 4: // constant
		x = 0.375
	case 5: // subnormals of the type
		return uint32(r.IntN(0x3ff)) | uint32(r.IntN(2))<<(elementBits(typ)-1)
	case 6: // a NaN and an infinity
		if i == 3 {
			return Narrow(typ, 0x7fc12345)
		}
		if i == 9 {
			return Narrow(typ, 0xff800000)
		}
	case 7: // a ramp, on code borders
		x = float32(i % 257)
	}
	return Narrow(typ, math.Float32bits(x))
}

// elementBits is the bits of an element of a type.
func elementBits(typ uint32) int { return 8 * shaders.ElementBytes(typ) }

// encode returns the slot buffer of a dispatch with given bits, with guards
// behind every slot and behind the last.
func encode(t testing.TB, l shaders.Layout, rows []uint32, bits []uint8) (slots []uint32, push shaders.EncodePush) {
	n := len(bits)
	var want []uint32
	for _, b := range bits {
		want = append(want, uint32(b))
	}
	push = shaders.EncodePush{
		Groups: uint32(n), GroupsPerJob: uint32(n), GroupsPerToken: 1,
		TokenStride: uint32(l.RawGroupWords()),
		SlotBase:    uint32(shaders.AlignWords(n) + 4), SlotWords: uint32(l.SlotWords() + 4),
	}
	slots = guarded(int(push.SlotBase) + n*int(push.SlotWords))
	require.NoError(t, Encode(specOf(l, 0), push, rows, []uint32{0, 0}, slots, want))
	return slots, push
}

// encodePage encodes groups with the given bits and packs them into one page.
// Groups that cannot be quantized become raw; bits is changed to say so.
func encodePage(t testing.TB, l shaders.Layout, rows []uint32, bits []uint8) []uint32 {
	slots, push := encode(t, l, rows, bits)
	unquantizable := uint32(0)
	for g := range bits {
		if slots[g] == shaders.Unquantizable {
			bits[g] = shaders.Raw
			unquantizable++
		}
	}
	size := l.PageWords(bits)
	plan := append([]uint32{0, 4, 5, uint32(size), unquantizable}, shaders.PackBits(bits)...)
	pages := guarded(shaders.AlignWords(size) + 8)
	p := shaders.PackPush{Groups: uint32(len(bits)), SlotBase: push.SlotBase, SlotWords: push.SlotWords}
	require.NoError(t, Pack(specOf(l, 0), p, 1, slots, plan, pages))
	require.Equal(t, uint32(guard), pages[3])
	require.Equal(t, uint32(guard), pages[4+size])
	_, err := ReadPage(l, pages[4:4+size])
	require.NoError(t, err)
	return pages[4 : 4+size]
}

// rewritePage repacks a page, or promotes it when there is supply.
func rewritePage(t testing.TB, l shaders.Layout, page []uint32, bits []uint8, supply []uint32) []uint32 {
	size := l.PageWords(bits)
	dst := guarded(shaders.AlignWords(size) + 4)
	job := []uint32{0, 0, 4, uint32(size)}
	if supply != nil {
		job = []uint32{0, 0, 5, uint32(size), 0}
	}
	plan := append(job, shaders.PackBits(bits)...)
	groups := uint32(len(bits))
	if supply == nil {
		s := specOf(l, 0)
		require.NoError(t, Repack(s, shaders.RepackPush{Groups: groups}, 1, whole(page), plan, dst))
	} else {
		s := specOf(l, 0)
		require.NoError(t, Promote(s, shaders.PromotePush{Groups: groups}, 1, whole(page), plan, whole(supply), dst))
	}
	require.Equal(t, uint32(guard), dst[size])
	_, err := ReadPage(l, dst[:size])
	require.NoError(t, err)
	return dst[:size]
}

// decodePage returns all rows of a page in an output type.
func decodePage(t testing.TB, l shaders.Layout, page []uint32, out uint32) []uint32 {
	n := page[2]
	words := l.Group() * shaders.ElementBytes(out) / 4
	push := shaders.DecodePush{
		Groups: n, GroupsPerJob: n, GroupsPerToken: 1,
		TokenStride: uint32(words), RowCount: uint32(l.Rows),
	}
	rows := guarded(int(n)*words + 4)
	require.NoError(t, Decode(specOf(l, out), push, whole(page), []uint32{0, 0}, rows))
	require.Equal(t, uint32(guard), rows[int(n)*words])
	return rows[:int(n)*words]
}

// supplyFor computes what a page lacks for the given bits.
func supplyFor(t testing.TB, l shaders.Layout, page, rows []uint32, bits []uint8) []uint32 {
	p, err := ReadPage(l, page)
	require.NoError(t, err)
	supply := []uint32{}
	for g, to := range bits {
		n := l.SupplyWords(p.Bits[g], to)
		out := make([]uint32, n)
		group := rows[g*l.RawGroupWords() : (g+1)*l.RawGroupWords()]
		got, err := Supply(l, p.RangeWords(g), group, p.Bits[g], to, out)
		require.NoError(t, err)
		require.Equal(t, n, got)
		supply = append(supply, out...)
	}
	return supply
}

func same(t testing.TB, want, got []uint32, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		if want[i] != got[i] {
			require.Failf(t, what, "word %d: want %#08x, got %#08x", i, want[i], got[i])
		}
	}
}

func guarded(n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = guard
	}
	return out
}

// whole is words as a buffer that kernels take, with guards at its end.
func whole(words []uint32) []uint32 {
	return append(slices.Clone(words), guarded(shaders.AlignWords(len(words))-len(words))...)
}

func repeat(b uint8, n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = b
	}
	return out
}

// f32s packs values as elements of a type.
func f32s(typ uint32, xs ...float32) []uint32 {
	out := elements{typ, make([]uint32, len(xs)*shaders.ElementBytes(typ)/4)}
	for i, x := range xs {
		out.set(i, Narrow(typ, math.Float32bits(x)))
	}
	return out.words
}

func TestHarnessFindsADifference(t *testing.T) {
	fake := &testing.T{}
	done := make(chan struct{})
	go func() { defer close(done); same(fake, []uint32{1}, []uint32{2}, "control") }()
	<-done
	assert.True(t, fake.Failed())
}
