package backend

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// sequence is what a test appended to a sequence: rows as words of the cache's type, and
// every attention row. It is the plain model that a cache is compared with.
type sequence struct {
	t     *testing.T
	c     *Cache
	seq   *Sequence
	cfg   Config
	rng   *rand.Rand
	typ   Type          // of appended rows
	rows  [2][][]uint32 // [kind][layer] words of all tokens
	probs [][][]float32 // [layer][query] [query head][tokens], zero padded to capacity
	seen  []int         // tokens that each query saw
}

const testQueryHeads = 2 // query heads of a KV head

func newSequence(t *testing.T, d device.Device, typ Type, cfg Config) *sequence {
	c, err := New(d, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	seq, err := c.NewSequence()
	require.NoError(t, err)
	s := &sequence{t: t, c: c, seq: seq, cfg: c.cfg, rng: rand.New(rand.NewPCG(1, 2)), typ: typ, probs: make([][][]float32, cfg.Layers)}
	for k := range s.rows {
		s.rows[k] = make([][]uint32, cfg.Layers)
	}
	return s
}

// values are elements of n tokens with different ranges from row to row.
func (s *sequence) values(n int) []float32 {
	v := make([]float32, n*s.cfg.KVHeads*s.cfg.HeadDim)
	scale := 1.0
	for i := range v {
		if i%s.cfg.HeadDim == 0 {
			scale = math.Exp2(s.rng.Float64()*6 - 3)
		}
		v[i] = float32(s.rng.NormFloat64() * scale)
	}
	return v
}

// narrowed are elements as words of a type.
func narrowed(v []float32, t Type) []uint32 {
	if t == F32 {
		return append([]uint32(nil), wordsOf(v)...)
	}
	words := make([]uint32, len(v)/2)
	for i := range v {
		words[i/2] |= cpuref.Narrow(t.shader(), math.Float32bits(v[i])) << (i % 2 * 16)
	}
	return words
}

func rowsOf(t Type, words []uint32) Rows {
	r := RowsBytes(t, make([]byte, 4*len(words)))
	r.unpack(0, words)
	return r
}

// append adds n tokens to a layer.
func (s *sequence) append(layer, n int) {
	k, v := s.values(n), s.values(n)
	s.appendValues(layer, k, v)
}

func (s *sequence) appendValues(layer int, k, v []float32) {
	var rows [2]Rows
	for i, values := range [][]float32{k, v} {
		words := narrowed(values, s.typ)
		rows[i] = rowsOf(s.typ, words)
		s.rows[i][layer] = append(s.rows[i][layer], converted(words, s.typ, s.cfg.Type, s.cfg.HeadDim, 1)...)
	}
	require.NoError(s.t, s.seq.Append(layer, rows[0], rows[1]))
}

// converted are rows of another type; what is too large is clamped (clamp 1) as on the
// way into the recent window, or becomes infinite.
func converted(words []uint32, from, to Type, dim int, clamp uint32) []uint32 {
	rows := len(words) * 4 / from.Bytes() / dim
	out := make([]uint32, rows*dim*to.Bytes()/4)
	spec := shaders.Spec{Workgroup: 128, Lanes: 1, Type: from.shader(), OutType: to.shader(), HeadDim: uint32(dim), Rows: 1}
	err := cpuref.Convert(spec, shaders.ConvertPush{Rows: uint32(rows), RowsPerToken: uint32(rows), Clamp: clamp}, words, out, make([]uint32, 1))
	if err != nil {
		panic(err)
	}
	return out
}

// observe gives a layer the attention of the last n tokens.
func (s *sequence) observe(layer, n int) {
	tokens, heads := s.tokens(layer), testQueryHeads*s.cfg.KVHeads
	all := make([]float32, n*heads*tokens)
	for q := range n {
		row := make([]float32, heads*s.cfg.Capacity)
		for h := range heads {
			for t := range tokens - n + q + 1 {
				p := min(float32(s.rng.ExpFloat64())/float32(tokens), 1)
				all[(q*heads+h)*tokens+t], row[h*s.cfg.Capacity+t] = p, p
			}
		}
		s.probs[layer] = append(s.probs[layer], row)
		if layer == 0 {
			s.seen = append(s.seen, tokens-n+q+1)
		}
	}
	defer unbroken(s.c.work.Device)()
	require.NoError(s.t, s.seq.Observe(layer, all, n, heads))
}

// unbroken lets a failing device work until the function that it returns is
// called.
func unbroken(d device.Device) func() {
	f, ok := d.(*failing)
	if !ok {
		return func() {}
	}
	buffers, submits := f.buffers, f.submits
	f.buffers, f.submits = -1, -1
	return func() { f.buffers, f.submits = buffers, submits }
}

func (s *sequence) tokens(layer int) int {
	return len(s.rows[0][layer]) / s.c.work.LayerWords
}

// step appends, reads, observes and ends a step of n tokens.
func (s *sequence) step(n int) {
	for layer := range s.cfg.Layers {
		s.append(layer, n)
		s.observe(layer, n)
	}
	require.NoError(s.t, s.seq.Step(context.Background()))
}

// weightOf is the weight of a group by the definition.
func (s *sequence) weightOf(kind shaders.Kind, unit, group, token int) float32 {
	n, q, weight := s.cfg.Recent, len(s.seen), s.c.rangedScheme().Rules[kind].Weight
	if weight == policy.WeightMost || q < n || s.seen[q-n] <= token {
		return -1
	}
	if weight == policy.WeightOne {
		return 1
	}
	var most float32
	from, to := s.c.work.LayersOf(unit)
	first, last := s.c.work.HeadsOf(group)
	for layer := from; layer < to; layer++ {
		for _, row := range s.probs[layer][q-n:] {
			for h := first * testQueryHeads; h < last*testQueryHeads; h++ {
				most = max(most, row[h*s.cfg.Capacity+token])
			}
		}
	}
	return roundedUp(most)
}

// roundedUp is the least importance that is no less than a probability: four
// significant bits.
func roundedUp(p float32) float32 {
	if p == 0 {
		return 0
	}
	fraction, exponent := math.Frexp(float64(max(p, 0x1.2p-31)))
	return float32(math.Ldexp(math.Ceil(fraction*16)/16, exponent))
}

// groupRows are the words of a group as they were appended.
func (s *sequence) groupRows(p pages.ID, group int) []uint32 {
	g, token := s.c.work, s.c.work.TokenOf(p.Page, group)
	var words []uint32
	from, to := g.LayersOf(p.LayerGroup)
	for layer := from; layer < to; layer++ {
		row := s.rows[p.Kind][layer][token*g.LayerWords:][:g.LayerWords]
		if g.Layout.Rows == 1 {
			row = row[group%g.TokenGroups*g.Layout.RawRowWords():][:g.Layout.RawRowWords()]
		}
		words = append(words, row...)
	}
	return words
}

// freshPage encodes one group alone with given bits, or by the rule where bits
// is 255, and returns its page.
func freshPage(t *testing.T, l shaders.Layout, rows []uint32, bits uint8, rule policy.Rule, w, c float32) *cpuref.Page {
	spec := shaders.Spec{Workgroup: 128, Lanes: 1, Type: l.Type, OutType: l.Type, HeadDim: uint32(l.HeadDim),
		Rows: uint32(l.Rows), Low: uint32(l.Low), High: uint32(l.High)}
	push := shaders.EncodePush{Groups: 1, GroupsPerJob: 1, GroupsPerToken: 1, SlotBase: 4, SlotWords: uint32(l.SlotWords()),
		MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.Delta}
	plan, want := []uint32{0, 2, math.Float32bits(c)}, []uint32{uint32(bits)}
	if bits == 255 {
		push.Rule, want[0] = 1, math.Float32bits(w)
	}
	slots := make([]uint32, 4+l.SlotWords())
	require.NoError(t, cpuref.Encode(spec, push, rows, plan, slots, want))
	got := shaders.BitsOf(slots[:1])
	words := make([]uint32, shaders.AlignWords(l.PageWords(got)))
	packPlan := l.PackPlan(make([]shaders.PackJob, 1), [][]uint8{got})
	require.NoError(t, cpuref.Pack(spec, shaders.PackPush{Groups: 1, SlotBase: 4, SlotWords: push.SlotWords}, 1, slots, packPlan, words))
	page, err := cpuref.OpenPage(l, words)
	require.NoError(t, err)
	return page
}

// decoded are the rows of a page of one group.
func decoded(t *testing.T, page *cpuref.Page, out Type) []uint32 {
	l := page.Layout
	spec := shaders.Spec{Workgroup: 128, Lanes: 1, Type: l.Type, OutType: out.shader(), HeadDim: uint32(l.HeadDim),
		Rows: uint32(l.Rows), Low: uint32(l.Low), High: uint32(l.High)}
	rows := make([]uint32, l.Group()*out.Bytes()/4)
	push := shaders.DecodePush{Groups: 1, GroupsPerJob: 1, GroupsPerToken: 1, RowCount: uint32(l.Rows)}
	words := append(slices.Clone(page.Words), make([]uint32, shaders.AlignWords(len(page.Words))-len(page.Words))...)
	require.NoError(t, cpuref.Decode(spec, push, words, []uint32{0, 0}, rows))
	return rows
}

// chunks is the number of stored chunks.
func (s *sequence) chunks() int { return s.seq.extent.Stored / s.cfg.PageTokens }
