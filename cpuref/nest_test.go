package cpuref

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/require"
)

const someGroups = 9 // every kind of pattern, and a second bits word

func allBits() []uint8 { return []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, shaders.Raw} }

// groupsFor is fewer groups for the largest groups.
func groupsFor(l shaders.Layout) int {
	if l.Group() > 4096 {
		return 3
	}
	return someGroups
}

func TestDemotingIsEncodingWithFewerBits(t *testing.T) {
	for _, l := range layouts() {
		t.Run(name(l), func(t *testing.T) {
			n := groupsFor(l)
			rows := pattern(l, n, 21)
			pages := map[uint8][]uint32{}
			for _, b := range allBits() {
				pages[b] = encodePage(t, l, rows, repeat(b, n))
			}
			for _, from := range []uint8{5, 8, shaders.Raw} {
				for _, to := range allBits() {
					if to > from {
						continue
					}
					bits := keepRaw(t, l, pages[from], repeat(to, n))
					same(t, pages[to], rewritePage(t, l, pages[from], bits, nil), "demoted")
				}
			}
		})
	}
}

// keepRaw returns bits with shaders.Raw where a group cannot be quantized.
func keepRaw(t testing.TB, l shaders.Layout, page []uint32, bits []uint8) []uint8 {
	p, err := ReadPage(l, page)
	require.NoError(t, err)
	out := slices.Clone(bits)
	for g := range out {
		if _, _, quantizes := p.Range(g); !quantizes {
			out[g] = shaders.Raw
		}
	}
	return out
}

func TestPromotingRestoresTheFirstEncoding(t *testing.T) {
	for _, l := range layouts() {
		t.Run(name(l), func(t *testing.T) {
			n := groupsFor(l)
			rows := pattern(l, n, 22)
			r := rand.New(rand.NewPCG(23, uint64(l.Group())))
			for range 12 {
				first, fewer := randomBits(r, n), randomBits(r, n)
				page := encodePage(t, l, rows, first)
				fewer = keepRaw(t, l, page, fewer)
				other := encodePage(t, l, rows, slices.Clone(fewer))
				supply := supplyFor(t, l, page, rows, fewer)
				moved := rewritePage(t, l, page, fewer, supply)
				same(t, other, moved, "moved to other bits")
				supply = supplyFor(t, l, moved, rows, first)
				same(t, page, rewritePage(t, l, moved, first, supply), "moved back")
			}
		})
	}
}

func randomBits(r *rand.Rand, n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = allBits()[r.IntN(10)]
	}
	return out
}

func TestRawGroupsComeBackBitForBit(t *testing.T) {
	for _, l := range layouts() {
		n := groupsFor(l)
		rows := pattern(l, n, 24)
		page := encodePage(t, l, rows, repeat(shaders.Raw, n))
		same(t, rows, decodePage(t, l, page, l.Type), name(l))
	}
}

// TestDecodedElementsAreTheContracts decodes element after element by the
// formulas, from the slots, and compares with what pages return.
func TestDecodedElementsAreTheContracts(t *testing.T) {
	for _, l := range layouts() {
		if l.Group() > 1024 {
			continue
		}
		t.Run(name(l), func(t *testing.T) {
			rows := pattern(l, someGroups, 25)
			g := newGroup(l)
			for _, b := range allBits() {
				page := encodePage(t, l, rows, repeat(b, someGroups))
				for out := range uint32(3) {
					got := elements{out, decodePage(t, l, page, out)}
					for n := range someGroups {
						g.read(rows[n*l.RawGroupWords() : (n+1)*l.RawGroupWords()])
						for i := range l.Group() {
							want := plainElement(l, rows, n, i, g, b, out)
							require.Equal(t, want, got.at(n*l.Group()+i), "bits %d out %d group %d element %d", b, out, n, i)
						}
					}
				}
			}
		})
	}
}

func plainElement(l shaders.Layout, rows []uint32, n, i int, g *group, b uint8, out uint32) uint32 {
	element := elements{l.Type, rows}.at(n*l.Group() + i)
	switch {
	case b == shaders.Raw || !g.quantizes:
		if out == l.Type {
			return element
		}
		return Narrow(out, Widen(l.Type, element))
	case slices.Contains(g.outliers, uint16(i)):
		return Narrow(out, math.Float32bits(g.values[i]))
	}
	q := rangeOf(g.min, g.max)
	return Narrow(out, math.Float32bits(q.valueOf(q.codeOf(g.values[i])>>(8-b), int(b))))
}
