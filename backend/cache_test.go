package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

func cpu(t *testing.T) device.Device {
	d, err := device.Open("cpu", device.Options{MinimumLimits: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// expect is what the cache must return for a layer, from the bits of its mirror.
func (s *sequence) expect(layer int, kind shaders.Kind, out Type) []uint32 {
	g := s.c.work
	var want []uint32
	unit := g.LayerGroup(layer)
	from, _ := g.LayersOf(unit)
	for token := range s.seq.extent.Stored {
		p := pages.ID{Kind: kind, LayerGroup: unit, Page: token / g.PageTokens}
		for i := range g.TokenGroups {
			group := token%g.PageTokens*g.TokenGroups + i
			bits := s.seq.table.PageBits(p)[group]
			rows := decoded(s.t, freshPage(s.t, g.Layout, s.groupRows(p, group), min(bits, shaders.Raw), policy.Rule{MaxBits: 8}, 0, 0), out)
			if g.Layout.Rows > 1 {
				each := s.cfg.KVHeads * s.cfg.HeadDim * out.Bytes() / 4
				rows = rows[(layer-from)*each:][:each]
			}
			want = append(want, rows...)
		}
	}
	return append(want, converted(s.rows[kind][layer][s.seq.extent.Stored*g.LayerWords:], s.cfg.Type, out, s.cfg.HeadDim, 0)...)
}

// requireRows reads every layer and compares all bits; a range is read as the same
// part of the whole.
func (s *sequence) requireRows(out Type) {
	for layer := range s.cfg.Layers {
		n := s.tokens(layer) * s.cfg.KVHeads * s.cfg.HeadDim * out.Bytes()
		k, v := RowsBytes(out, make([]byte, n)), RowsBytes(out, make([]byte, n))
		tokens, err := s.seq.Read(layer, k, v)
		require.NoError(s.t, err)
		require.Equal(s.t, s.tokens(layer), tokens)
		s.requireRange(layer, tokens/3, tokens-tokens/4, k, v)
		for kind, r := range []Rows{k, v} {
			want, got := s.expect(layer, shaders.Kind(kind), out), make([]uint32, n/4)
			r.pack(0, got)
			for i := range want {
				if want[i] != got[i] {
					s.t.Fatalf("layer %d %s word %d: %#08x, want %#08x", layer, shaders.Kind(kind), i, got[i], want[i])
				}
			}
		}
	}
}

// requireRange compares the rows of some tokens with those of all.
func (s *sequence) requireRange(layer, from, to int, k, v Rows) {
	row := s.cfg.KVHeads * s.cfg.HeadDim * k.typ.Bytes()
	some := [2][]byte{make([]byte, (to-from)*row), make([]byte, (to-from)*row)}
	require.NoError(s.t, s.seq.ReadRange(layer, from, to, RowsBytes(k.typ, some[0]), RowsBytes(k.typ, some[1])))
	require.Equal(s.t, k.bytes[from*row:to*row], some[0])
	require.Equal(s.t, v.bytes[from*row:to*row], some[1])
}

// requireBits compares the bits of the groups of chunks from..to with the rule.
func (s *sequence) requireBits(from, to int) {
	g := s.c.work
	for k := range s.c.rangedScheme().Rules {
		kind := shaders.Kind(k)
		for unit := range g.LayerGroups {
			for chunk := from; chunk < to; chunk++ {
				p := pages.ID{Kind: kind, LayerGroup: unit, Page: chunk}
				for group, got := range s.seq.table.PageBits(p) {
					w := s.weightOf(kind, unit, group%g.TokenGroups, g.TokenOf(chunk, group))
					c := s.c.rangedScheme().Limit(kind, unit, group%g.TokenGroups, s.seq.extent.Tokens)
					want := freshPage(s.t, g.Layout, s.groupRows(p, group), 255, s.c.rangedScheme().Rules[k], w, c).Bits[0]
					require.Equal(s.t, want, got, "%s unit %d chunk %d group %d", kind, unit, chunk, group)
				}
			}
		}
	}
}

func testQAQ(f policy.Formula) policy.QAQ {
	return policy.QAQ{Formula: f, KeyError: 0.5, ValueError: 0.01, MinBits: 0, MaxBits: 8}
}

type cacheCase struct {
	name     string
	appended Type
	cfg      Config
}

var cacheCases = []cacheCase{
	{"head", F32, Config{Layers: 3, KVHeads: 2, HeadDim: 64, OutlierFraction: 0.03, Policy: testQAQ(policy.Paper)}},
	{"head authors d40", F16, Config{Layers: 2, KVHeads: 3, HeadDim: 40, OutlierFraction: 0.06, Policy: testQAQ(policy.Authors)}},
	{"layer bf16", BF16, Config{Layers: 2, KVHeads: 3, HeadDim: 64, Type: BF16, Level: LevelLayer, OutlierFraction: 0.01, Policy: testQAQ(policy.Paper)}},
	{"token f32", F32, Config{Layers: 3, KVHeads: 2, HeadDim: 32, Type: F32, Level: LevelToken, OutlierFraction: 0.1, Policy: testQAQ(policy.Authors)}},
	{"up to raw", F32, Config{Layers: 1, KVHeads: 1, HeadDim: 32, Policy: policy.QAQ{KeyError: 0.1, ValueError: 3e-4, MaxBits: 16}}},
	{"no outliers, small pages", F16, Config{Layers: 2, KVHeads: 2, HeadDim: 48, PageTokens: 3, Recent: 2, Queries: 2, Policy: testQAQ(policy.Paper)}},
	{"uniform", F32, Config{Layers: 2, KVHeads: 2, HeadDim: 64, OutlierFraction: 0.02, Policy: policy.Uniform{KeyBits: 3, ValueBits: 0}}},
	{"none", F32, Config{Layers: 2, KVHeads: 2, HeadDim: 64}},
}

func TestReadsWhatTheReferenceDecodes(t *testing.T) {
	for _, c := range cacheCases {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Capacity, c.cfg.MaxStepTokens, c.cfg.AdaptEvery = 120, 20, -1
			s := newSequence(t, cpu(t), c.appended, c.cfg)
			for i, n := range []int{1, 20, 20, 1, 1, 1, 7, 16, 1, 1, 20, 3, 20} {
				before := s.chunks()
				s.step(n)
				s.requireBits(before, s.chunks())
				s.requireRows([]Type{F32, F16, BF16}[i%3])
			}
		})
	}
}

func TestAdaptEqualsFreshEncoding(t *testing.T) {
	testAdapt(t, cpu(t))
}

// Every buffer that a kernel of the cache writes is compared with the reference.
func TestAdaptOnVulkanAndReference(t *testing.T) {
	testAdapt(t, openLLVMpipe(t, "both:llvmpipe"))
}

func testAdapt(t *testing.T, d device.Device) {
	for _, c := range cacheCases {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Capacity, c.cfg.MaxStepTokens, c.cfg.AdaptEvery, c.cfg.HostBudget = 120, 20, -1, 1<<20
			s := newSequence(t, d, c.appended, c.cfg)
			var all Moves
			for _, n := range []int{20, 20, 5, 20, 1, 7} {
				s.step(n)
				m, err := s.seq.Adapt(context.Background())
				require.NoError(t, err)
				all.Add(m)
				s.requireBits(0, s.chunks())
				s.requireRows(F32)
			}
			fixed := s.c.rangedScheme().Rules[shaders.Key].Fixed
			require.Equal(t, !fixed, all.Demoted > 0, "%+v", all)
			require.Equal(t, !fixed, all.Promoted > 0, "%+v", all)
			require.Zero(t, all.Missed)
			require.Equal(t, all, s.c.Stats().Moves)
		})
	}
}

func TestStatsAddUp(t *testing.T) {
	for _, c := range cacheCases {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Capacity, c.cfg.MaxStepTokens, c.cfg.AdaptEvery = 120, 20, 2
			s := newSequence(t, cpu(t), c.appended, c.cfg)
			for _, n := range []int{20, 20, 5, 20, 1, 7} {
				s.step(n)
			}
			s.c.adapter.Finish(nil) // an adaptation in flight holds buffers
			g, words := s.c.work, int64(0)
			for k := range s.c.rangedScheme().Rules {
				for u := range g.LayerGroups {
					for chunk := range s.chunks() {
						words += int64(s.c.work.Layout.PageWords(s.seq.table.PageBits(pages.ID{Kind: shaders.Kind(k), LayerGroup: u, Page: chunk})))
					}
				}
			}
			st := s.c.Stats()
			require.Equal(t, 73, st.Tokens)
			require.Equal(t, s.seq.extent.Stored, st.Stored)
			window := int64((st.Tokens - st.Stored) * g.TokenWords)
			importance := int64(0)
			if !s.fixed() {
				importance = int64(73 * s.cfg.Recent * c.cfg.Layers * c.cfg.KVHeads)
			}
			require.Equal(t, 4*(words+window)+importance, st.Bytes.Live)
			require.Equal(t, s.c.work.Device.Stats().LiveBytes, st.Bytes.Committed+st.Bytes.Staging)
			require.Equal(t, int64(73*2*c.cfg.Layers*c.cfg.KVHeads*c.cfg.HeadDim*2), st.Bytes.F16)
			var groups int64
			for _, n := range st.K.Histogram {
				groups += n
			}
			require.Equal(t, int64(g.LayerGroups*s.chunks()*g.PageGroups), groups)
			require.LessOrEqual(t, st.Bytes.Paper, st.Bytes.Live)
			s.c.Close()
			require.Zero(t, s.c.work.Device.Stats().LiveBytes)
		})
	}
}

func TestListsAreReadableAndReplay(t *testing.T) {
	s := newSequence(t, cpu(t), F32, Config{Layers: 1, KVHeads: 1, HeadDim: 32, Capacity: 64, Policy: testQAQ(policy.Paper)})
	s.step(30)
	s.requireRows(F16)
	list := s.c.Lists()["read"]
	require.Regexp(t, `(?m)^decode workgroup=128 .*groups=32 .*pages=pages\.0\.0\[`, list.String())
	require.NoError(t, device.Run(context.Background(), s.c.work.Device, list))
}
