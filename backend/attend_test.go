package backend

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

var attendCases = []struct {
	name string
	cfg  Config
	o    AttendOptions
}{
	{"gqa", Config{Layers: 2, KVHeads: 2, QueryHeads: 6, HeadDim: 64, OutlierFraction: 0.03, Policy: policy.Uniform{KeyBits: 3, ValueBits: 4}}, AttendOptions{}},
	{"mha raw d40", Config{Layers: 1, KVHeads: 3, QueryHeads: 3, HeadDim: 40}, AttendOptions{Scale: .5}},
	{"mqa layer bf16", Config{Layers: 2, KVHeads: 1, QueryHeads: 32, HeadDim: 32, Type: BF16, Level: LevelLayer, Policy: policy.Uniform{KeyBits: 8, ValueBits: 2}}, AttendOptions{SoftCap: 20}},
	{"token f32 window", Config{Layers: 3, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Type: F32, Level: LevelToken, OutlierFraction: 0.1, Policy: policy.Uniform{KeyBits: 5, ValueBits: 5}}, AttendOptions{Window: 70}},
	{"d256", Config{Layers: 1, KVHeads: 2, QueryHeads: 16, HeadDim: 256, Level: LevelLayer, OutlierFraction: .01, Policy: policy.Uniform{KeyBits: 0, ValueBits: 6}, PageTokens: 5}, AttendOptions{Window: 3}},
	{"calibrated", calibratedConfig(2, 2, 64, 64), AttendOptions{}},
	{"calibrated window", calibratedConfig(1, 3, 32, 16), AttendOptions{Window: 70, SoftCap: 20}},
}

func TestAttendAgainstFloat64(t *testing.T) {
	for _, c := range attendCases {
		t.Run(c.name, func(t *testing.T) { testAttend(t, cpu(t), c.cfg, c.o, 40, 1, 1, 1, 17, 40, 40, 1, 40, 40, 1, 1) })
	}
}

// Every buffer that a kernel of attention writes is compared with the reference.
// Few shapes, because drivers take seconds to build each; conformance has more.
func TestAttendOnVulkanAndReference(t *testing.T) {
	for _, c := range []int{0, 3, 5} {
		c := attendCases[c]
		t.Run(c.name, func(t *testing.T) { testAttend(t, openLLVMpipe(t, "both:llvmpipe"), c.cfg, c.o, 17, 1, 17, 1) })
	}
}

func testAttend(t *testing.T, d device.Device, cfg Config, o AttendOptions, steps ...int) {
	cfg.Capacity, cfg.MaxStepTokens = 700, 40
	s := newSequence(t, d, F32, cfg)
	for _, n := range steps {
		for layer := range cfg.Layers {
			s.append(layer, n)
			q := s.queries(n)
			got := s.attend(layer, q, o)
			require.Less(t, relative(got, s.exactAttention(layer, q, o)), 1e-5, "layer %d, %d tokens", layer, s.tokens(layer))
			require.Equal(t, got, s.attend(layer, q, o), "again")
			row := s.cfg.QueryHeads * s.cfg.HeadDim
			require.Equal(t, got[len(got)-row:], s.attend(layer, q[len(q)-row:], o), "the last query alone")
			half := make([]byte, 2*len(q))
			require.NoError(t, s.seq.Attend(t.Context(), layer, RowsF32(q), RowsBytes(F16, half), o))
			require.Equal(t, narrowed(got, F16), wordsOfBytes(half))
		}
		require.NoError(t, s.seq.Step(t.Context()))
	}
}

func wordsOfBytes(b []byte) []uint32 {
	words := make([]uint32, len(b)/4)
	RowsBytes(F16, b).pack(0, words)
	return words
}

func TestAttendRefuses(t *testing.T) {
	s := newSequence(t, cpu(t), F32, Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 100, MaxStepTokens: 8})
	s.step(3)
	rows := func(n int) Rows { return RowsF32(make([]float32, n*4*32)) }
	for _, c := range []struct {
		name, message string
		is            error
		q, out        Rows
		o             AttendOptions
	}{
		{"more than tokens", "4 queries: layer 1 holds 3 tokens: too many queries", ErrQueries, rows(4), rows(4), AttendOptions{}},
		{"more than a call has", "9 queries: limit 8: too many queries", ErrQueries, rows(9), rows(9), AttendOptions{}},
		{"head count", "q: 96 elements: a query has 128", ErrShape, RowsF32(make([]float32, 96)), rows(1), AttendOptions{}},
		{"no query", "q: 0 elements: a query has 128", ErrShape, rows(0), rows(1), AttendOptions{}},
		{"small out", "out: room for 128 elements: the queries have 256", ErrShape, rows(2), rows(1), AttendOptions{}},
		{"type", "q: rows of type f16 given as []float32", ErrShape, Rows{typ: F16, f32: make([]float32, 128)}, rows(1), AttendOptions{}},
		{"scale", "scale NaN: must be within -1.048576e+06..1.048576e+06: bad cache configuration", policy.ErrConfig, rows(1), rows(1), AttendOptions{Scale: float32(math.NaN())}},
		{"window", "window -1: must be 0..16777216: bad cache configuration", policy.ErrConfig, rows(1), rows(1), AttendOptions{Window: -1}},
		{"soft cap", "soft cap -2: must be 0 or 9.5367431640625e-07..1.048576e+06: bad cache configuration", policy.ErrConfig, rows(1), rows(1), AttendOptions{SoftCap: -2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.seq.Attend(t.Context(), 1, c.q, c.out, c.o)
			require.EqualError(t, err, "backend: attend: "+c.message)
			require.ErrorIs(t, err, c.is)
		})
	}
	require.EqualError(t, s.seq.Attend(t.Context(), 2, rows(1), rows(1), AttendOptions{}), "backend: layer 2: the cache has layers 0..1")
	_, err := New(cpu(t), Config{Layers: 1, KVHeads: 2, QueryHeads: 5, HeadDim: 32, Capacity: 1})
	require.EqualError(t, err, "backend: 5 query heads: must be a multiple of the 2 KV heads, at most 32 for each: bad cache configuration")
	require.NoError(t, s.seq.Drop())
	require.ErrorIs(t, s.seq.Attend(t.Context(), 0, rows(1), rows(1), AttendOptions{}), ErrUnknownSequence)
}

// Lists are recorded when a layer's segments, the options or the tokens' next 64
// change, not for each token: in a reserve, whose segment stays, also where bits
// change.
func TestAttendRecordsOnceOnVulkan(t *testing.T) {
	for _, c := range []struct {
		name     string
		policy   policy.Policy
		reserve  int64
		recorded int // of a layer at most: the first, the first page, each 64 tokens and 64 in pages, longer frames; and larger segments
	}{{"segments", policy.Uniform{KeyBits: 4, ValueBits: 4}, 0, 60}, {"reserve", testQAQ(policy.Paper), 1 << 20, 17}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSequence(t, openLLVMpipe(t, "llvmpipe"), F32, Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 600, Recent: 2, Queries: 2,
				Policy: c.policy, AdaptEvery: 8, HostBudget: 1 << 24, Reserve: c.reserve})
			recorded := 0
			for s.seq.extent.Tokens < 512 {
				for layer := range 2 {
					recorded += s.attendCounted(layer)
				}
				require.NoError(t, s.seq.Step(t.Context()))
			}
			s.c.adapter.Finish(nil)
			require.LessOrEqual(t, recorded, 2*c.recorded)
			require.Equal(t, !s.fixed(), s.seq.adapting.Moves.Demoted > 0)
			q, out := RowsF32(s.queries(1)), RowsF32(make([]float32, 4*32))
			require.LessOrEqual(t, testing.AllocsPerRun(10, func() { _ = s.seq.Attend(t.Context(), 0, q, out, AttendOptions{}) }), 40.0)
		})
	}
}

// attendCounted appends a token to a layer and attends; it returns 1 if a list
// was recorded for that.
func (s *sequence) attendCounted(layer int) int {
	before := 0
	if l := s.seq.attends[layer]; l != nil {
		before = l.Recordings
	}
	s.append(layer, 1)
	s.attend(layer, s.queries(1), AttendOptions{})
	return s.seq.attends[layer].Recordings - before
}

// A runtime's queries are on the device already, and it wants the output there.
func TestAttendOnDeviceBuffers(t *testing.T) {
	for _, name := range []string{"cpu", "both:llvmpipe"} {
		t.Run(name, func(t *testing.T) {
			d := cpu(t)
			if name != "cpu" {
				d = openLLVMpipe(t, name)
			}
			s := newSequence(t, d, F32, Config{Layers: 1, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 100, Policy: policy.Uniform{KeyBits: 4, ValueBits: 4}})
			s.step(30)
			q := s.queries(2)
			want := s.attend(0, q, AttendOptions{})
			b := deviceBuffer(t, d, "runtime", 4096, device.DeviceLocal)
			require.NoError(t, device.Write(t.Context(), d, b, 36, wordsOf(q)))
			in, out := RowsView(F32, device.View{Buffer: b, Offset: 36, Words: len(q)}), RowsView(F32, device.View{Buffer: deviceBuffer(t, d, "result", 4096, device.DeviceLocal), Offset: 2012, Words: len(q)})
			require.NoError(t, s.seq.Attend(t.Context(), 0, in, out, AttendOptions{}))
			got, err := device.Read(t.Context(), d, out.view)
			require.NoError(t, err)
			require.Equal(t, wordsOf(want), got)
			require.EqualError(t, s.seq.Attend(t.Context(), 0, RowsView(F32, device.View{Buffer: b, Offset: 6, Words: len(q)}), out, AttendOptions{}), "backend: attend: q: rows from word 6: must be a multiple of 4")
		})
	}
}

// After forks, rollbacks and drops attention has the bits that it has in a
// cache built afresh: with the paper's codec, whose importance forgets.
func TestAttendAfterForkAndRollback(t *testing.T) {
	for _, c := range attendCases[:5] {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Capacity, c.cfg.MaxStepTokens, c.cfg.HostBudget, c.cfg.Sequences = 300, 20, 1<<24, 2
			s := newSequence(t, cpu(t), F32, c.cfg)
			for _, n := range []int{20, 20, 20, 1, 20} {
				s.step(n)
			}
			f := s.fork()
			s.step(7)
			f.step(20)
			f.rollback(3)
			s.rollback(60)
			s.step(1)
			for _, one := range []*sequence{s, f} {
				fresh := one.fresh()
				for layer := range c.cfg.Layers {
					q := one.queries(3)
					require.Equal(t, fresh.attend(layer, q, c.o), one.attend(layer, q, c.o), "layer %d", layer)
				}
				fresh.c.Close()
			}
			require.NoError(t, s.seq.Drop())
			f.step(5)
			q := f.queries(1)
			require.Less(t, relative(f.attend(0, q, c.o), f.exactAttention(0, q, c.o)), 1e-5)
		})
	}
}

// Importance after Attend is the largest probability that the last queries gave
// a token, rounded up to four significant bits.
func TestAttendObserves(t *testing.T) {
	for _, level := range []Level{LevelHead, LevelLayer} {
		s := newSequence(t, cpu(t), F32, Config{Layers: 2, KVHeads: 2, QueryHeads: 6, HeadDim: 32, Capacity: 400, Recent: 3, Queries: 3,
			Level: level, Policy: testQAQ(policy.Paper), AdaptEvery: -1})
		for _, n := range []int{30, 30, 30, 1, 1, 2, 30} {
			for layer := range 2 {
				s.append(layer, n)
				q := s.queries(n)
				s.attend(layer, q, AttendOptions{})
				before := s.importance(layer)
				s.requireImportance(layer, q, before)
				s.attend(layer, s.queries(1), AttendOptions{SkipImportance: true})
				require.Equal(t, before, s.importance(layer))
			}
			require.NoError(t, s.seq.Step(t.Context()))
		}
	}
}

func (s *sequence) importance(layer int) []float32 {
	w, err := s.seq.ranged().importance.Read(layer, s.tokens(layer))
	require.NoError(s.t, err)
	return w
}

// requireImportance compares with the last queries alone, if they are enough.
func (s *sequence) requireImportance(layer int, q []float32, got []float32) {
	d, g, tokens := s.cfg.HeadDim, s.c.work.QueriesPerHead(), s.tokens(layer)
	n := len(q) / d / s.cfg.QueryHeads
	if n < s.cfg.Recent {
		return
	}
	k := make([]float32, tokens*s.cfg.KVHeads*d)
	_, err := s.seq.Read(layer, RowsF32(k), RowsF32(make([]float32, len(k))))
	require.NoError(s.t, err)
	groups := s.c.work.TokenGroups
	want := make([]float64, tokens*groups)
	for row := (n - s.cfg.Recent) * s.cfg.QueryHeads; row < n*s.cfg.QueryHeads; row++ {
		h := row % s.cfg.QueryHeads / g
		at := func(t int) int { return (t*s.cfg.KVHeads + h) * d }
		p := exactRow(q[row*d:][:d], k, k, at, func(int) bool { return false }, tokens-n+row/s.cfg.QueryHeads, AttendOptions{}, make([]float64, d))
		for t := range p {
			want[t*groups+h%groups] = math.Max(want[t*groups+h%groups], p[t])
		}
	}
	for i, w := range want[:min(len(got), (tokens-s.cfg.Recent+1)*groups)] { // whole pages
		require.GreaterOrEqual(s.t, float64(got[i]), w*(1-1e-5), "token %d", i/groups)
		require.LessOrEqual(s.t, float64(got[i]), w*1.1251+0x1p-30, "token %d", i/groups)
	}
}
