package cpuref

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the goldens in testdata")

// digests computes the outputs of every kernel over seeded inputs. They are the
// same on every processor and with any number of goroutines.
func digests(t testing.TB) map[string]string {
	out := map[string]string{"copy": digest(copied(t)), "probe": digest(probed(t))}
	for _, l := range layouts() {
		for kernel, words := range outputs(t, l) {
			out[kernel+"/"+name(l)] = digest(words)
		}
	}
	for _, a := range attentions() {
		for kernel, words := range attended(t, a) {
			out[kernel+"/"+a.name()] = digest(words)
		}
	}
	return out
}

// attended runs the kernels of attention, with extreme elements where the number
// of tokens is even, and what follows from importance.
func attended(t testing.TB, a attention) map[string][]uint32 {
	a.special = 1 - a.tokens%2
	r := a.run(t, shaders.TypeBF16)
	words := (a.tokens + 3) / 4
	importance := guarded(a.heads * words)
	p := shaders.RecordImportancePush{
		Vectors: uint32(a.vectors()), VectorEnd: uint32(a.vectors()), Heads: uint32(a.heads),
		Stride: uint32(a.stride()), HeadStride: uint32(words), Words: uint32(words),
	}
	require.NoError(t, RecordImportance(a.spec(0, 0), p, append(a.frame(0, a.tokens), 0), r.probabilities, importance))
	n := uint32(a.tokens * a.heads)
	w := shaders.ReduceImportancePush{
		Groups: n, GroupsPerJob: n, GroupsPerToken: uint32(a.heads), Heads: 1, Layers: 1,
		HeadStride: uint32(words), Rows: 1,
	}
	want := make([]uint32, n)
	require.NoError(t, ReduceImportance(shaders.Spec{}, w, []uint32{0, 0, uint32(a.tokens - 9)}, importance, want))
	levels, decayed := leveled(t, a, r)
	_, heads := a.dispatched()
	scored := heads * a.tiles() * a.stride() * int(a.tile)
	return map[string][]uint32{
		"accumulate_importance": decayed, "choose_levels": levels,
		"arrange_queries": r.queries, "score": r.scores[:scored], "softmax": r.probabilities, "record_importance": importance,
		"reduce_importance": want, "weighted_sum": r.partials, "combine": r.rows,
	}
}

func digest(words []uint32) string {
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, words); err != nil {
		panic(err) // a hash does not fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

// randomWords is SplitMix64, so that inputs do not depend on a library.
func randomWords(n int, seed uint64) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		seed += 0x9e3779b97f4a7c15
		z := (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		out[i] = uint32(z ^ z>>31)
	}
	return out
}

func copied(t testing.TB) []uint32 {
	dst := make([]uint32, 400)
	require.NoError(t, Copy(shaders.Spec{}, shaders.CopyPush{Vectors: 100}, randomWords(400, 1), dst))
	return dst
}

func probed(t testing.TB) []uint32 {
	out := make([]uint32, 4*50000)
	require.NoError(t, Probe(shaders.Spec{}, shaders.ProbePush{Triples: 50000}, randomWords(150000, 2), out))
	return out
}

// goldenRows has groups of plain values, of few values, and of random bits.
func goldenRows(l shaders.Layout, groups int) []uint32 {
	random := randomWords(groups*l.Group(), uint64(l.Group())<<8|uint64(l.Type))
	rows := elements{l.Type, make([]uint32, groups*l.RawGroupWords())}
	for i, w := range random {
		n := i / l.Group()
		switch n % 4 {
		case 0, 1:
			x := float32(int32(w)) * (1.0 / (1 << 28))
			rows.set(i, Narrow(l.Type, math.Float32bits(float32(x*x)*x)))
		case 2:
			rows.set(i, Narrow(l.Type, math.Float32bits(float32(w%7)-3)))
		default:
			rows.set(i, w>>(32-elementBits(l.Type)))
		}
	}
	return rows.words
}

// outputs runs a page through its life.
func outputs(t testing.TB, l shaders.Layout) map[string][]uint32 {
	n := groupsFor(l)
	rows := goldenRows(l, n)
	bits, fewer := make([]uint8, n), make([]uint8, n)
	for g := range bits {
		bits[g] = allBits()[(g*3+l.Rows+7)%10]
		fewer[g] = min(bits[g], uint8(g*5+l.HeadDim/8)%9)
	}
	slots, _ := encode(t, l, rows, bits)
	page := encodePage(t, l, rows, bits)
	fewer = keepRaw(t, l, page, fewer)
	small := rewritePage(t, l, page, fewer, nil)
	supply := supplyFor(t, l, small, rows, bits)
	out := map[string][]uint32{
		"encode": slots, "pack": page, "repack": small, "supply": supply,
		"promote": rewritePage(t, l, small, bits, supply), "choose_bits": decided(t, l, page, n),
	}
	for typ := range uint32(3) {
		suffix := string('0' + rune(typ))
		out["decode"+suffix] = decodePage(t, l, page, typ)
		out["convert"+suffix] = converted(t, l, rows, typ)
	}
	return out
}

func decided(t testing.TB, l shaders.Layout, page []uint32, n int) []uint32 {
	plan, want := []uint32{0, 2, math.Float32bits(0.37)}, []uint32(nil)
	for _, w := range randomWords(n, 3) {
		want = append(want, math.Float32bits(float32(w>>8)*0x1p-24))
	}
	p := shaders.ChooseBitsPush{Groups: uint32(n), GroupsPerJob: uint32(n), GroupsPerToken: 1, MaxBits: 8}
	bits := make([]uint32, n)
	require.NoError(t, ChooseBits(specOf(l, 0), p, whole(page), plan, bits, want))
	return bits
}

func converted(t testing.TB, l shaders.Layout, rows []uint32, out uint32) []uint32 {
	n := len(rows) / l.RawRowWords()
	words := l.HeadDim * shaders.ElementBytes(out) / 4
	p := shaders.ConvertPush{
		Rows: uint32(n), RowsPerToken: 1, SrcTokenStride: uint32(l.RawRowWords()), DstTokenStride: uint32(words),
	}
	dst := make([]uint32, n*words)
	require.NoError(t, Convert(specOf(l, out), p, rows, dst, make([]uint32, 1)))
	return dst
}

func TestGoldens(t *testing.T) {
	path := filepath.Join("testdata", "goldens.json")
	got := digests(t)
	if *update {
		text, err := json.MarshalIndent(got, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, append(text, '\n'), 0o644))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var want map[string]string
	require.NoError(t, json.Unmarshal(text, &want))
	assert.Len(t, got, len(want))
	for name, digest := range want {
		assert.Equal(t, digest, got[name], name)
	}
}

func TestGoldensWithAnyNumberOfGoroutines(t *testing.T) {
	l := shaders.Layout{Type: shaders.TypeF16, HeadDim: 128, Rows: 128, Low: 82, High: 82}
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	one := outputs(t, l)
	for _, procs := range []int{2, 3, 8} {
		runtime.GOMAXPROCS(procs)
		for kernel, words := range outputs(t, l) {
			same(t, one[kernel], words, kernel)
		}
	}
}
