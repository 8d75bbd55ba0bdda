package decayed

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// observe hands the attention of the newest tokens over from the host.
func (o *model) observe(layer, queries, tokens int) {
	probs := o.probabilities(queries, tokens)
	require.NoError(o.t, o.m.Observe(layer, probs, queries, tokens))
	o.add(layer, probs, queries, tokens)
	o.check()
}

func TestObserveKeepsTheDecayedSum(t *testing.T) {
	everywhere(t, func(t *testing.T, w *core.Work) {
		o := newModel(t, w, usual)
		for _, call := range []struct{ queries, tokens int }{{40, 40}, {1, 41}, {1, 42}, {27, 69}, {1, 70}, {300, 370}, {9, 379}, {1, 380}} {
			for layer := range w.Layers {
				o.observe(layer, call.queries, call.tokens)
			}
		}
		assert.Equal(t, 380-w.Recent+1, o.m.Seen(1))
	})
}

// split is how a call's query vectors come to dispatches.
type split struct{ queries, heads, tile int }

// record adds the same probabilities as an attention list does: scores of some
// queries and KV heads at a time.
func (o *model) record(layer int, probs []float32, queries, tokens int, s split) {
	w, call := o.m.work, o.m.Call(layer, queries)
	for query := 0; query < queries; query += s.queries {
		n := min(s.queries, queries-query)
		takes := call.Takes(query, query+n)
		if len(takes) == 0 {
			continue
		}
		require.Len(o.t, takes, 1)
		for head := 0; head < w.KVHeads; head += s.heads {
			require.NoError(o.t, w.Run.Run("record", func(l *device.List) {
				scores := tiled(w, probs, query, n, head, s.heads, tokens, s.tile)
				copy(w.Rows.Words(), scores)
				plan := w.PlanRoom()
				frame := plan.Put(call.AppendFrame(nil, takes[0], core.Batch{Query: query, Head: head, Tokens: tokens - queries + query + n,
					Last: query+n == queries && head+s.heads == w.KVHeads}))
				call.Record(l, takes[0], core.Scores{Query: query, Vectors: n * w.QueriesPerHead(), Heads: s.heads,
					Stride: tokens, Tile: s.tile, Tokens: tokens}, frame, device.Whole(w.Rows))
			}))
		}
	}
	o.m.Done(layer, queries, tokens)
}

// tiled are probabilities and spreads of some queries and KV heads as attention lays
// them out.
func tiled(w *core.Work, probs []float32, query, queries, head, heads, tokens, tile int) []uint32 {
	g := w.QueriesPerHead()
	tiles := (queries*g + tile - 1) / tile
	words := slices.Repeat([]uint32{math.Float32bits(0.75)}, shaders.ScoresWords(heads*tiles, tokens, tile))
	for h := range heads {
		for v := range queries * g {
			row := probs[((query+v/g)*w.QueryHeads+(head+h)*g+v%g)*tokens:][:tokens]
			for t, p := range row {
				words[((h*tiles+v/tile)*tokens+t)*tile+v%tile] = math.Float32bits(p)
			}
			words[(heads*tiles*tokens+h*tiles+v/tile)*tile+v%tile] = math.Float32bits(spreadOf(row))
		}
	}
	return words
}

// TestSplitsDoNotShow adds the same calls in several ways, with a prompt long enough
// for its first queries not to count.
func TestSplitsDoNotShow(t *testing.T) {
	everywhere(t, func(t *testing.T, w *core.Work) {
		p := usual
		p.HalfLife = 2
		splits := []split{{300, 2, 12}, {300, 1, 4}, {7, 2, 4}, {1, 1, 2}, {64, 2, 16}}
		var want []uint32
		for i, s := range splits {
			o := newModel(t, w, p)
			for _, call := range []struct{ queries, tokens int }{{40, 40}, {1, 41}, {200, 241}, {3, 244}} {
				probs := o.probabilities(call.queries, call.tokens)
				o.record(1, probs, call.queries, call.tokens, s)
				o.add(1, probs, call.queries, call.tokens)
				o.check()
			}
			if got := read(t, o.m, 1); i == 0 {
				want = got
			} else {
				require.Equal(t, want, got, "%+v", s)
			}
		}
	})
}

func TestRollbackKeepsWhatOlderTokensGot(t *testing.T) {
	everywhere(t, func(t *testing.T, w *core.Work) {
		o := newModel(t, w, usual)
		o.observe(0, 60, 60)
		for tokens := 61; tokens < 90; tokens++ { // three of four speculated tokens go
			o.observe(0, 4, tokens+3)
			o.m.Forget(tokens)
			o.exact[0], o.least[0], o.tokens[0] = o.exact[0][:tokens], o.least[0][:tokens], tokens
			o.check()
			if tokens > 61 { // of the last eight queries, four were of the call before
				require.Equal(t, tokens-1, o.m.Seen(0))
			}
		}
	})
}

func TestForksGoTheirWay(t *testing.T) {
	everywhere(t, func(t *testing.T, w *core.Work) {
		o := newModel(t, w, usual)
		o.observe(0, 30, 30)
		o.observe(1, 50, 50)
		f := *o
		f.rng = rand.New(rand.NewPCG(3, 4))
		var err error
		f.m, err = New(o.m.Layout, 2)
		require.NoError(t, err)
		t.Cleanup(f.m.Release)
		require.NoError(t, o.m.CopyTo(f.m))
		f.exact, f.least = slices.Clone(o.exact), slices.Clone(o.least)
		for i := range f.exact {
			f.exact[i], f.least[i] = slices.Clone(o.exact[i]), slices.Clone(o.least[i])
		}
		f.counts, f.clock, f.tokens = slices.Clone(o.counts), slices.Clone(o.clock), slices.Clone(o.tokens)
		f.check()
		o.observe(0, 5, 35)
		f.observe(0, 20, 50)
		f.observe(1, 1, 51)
		o.check()
		f.check()
		assert.Equal(t, 50-w.Recent+1, f.m.Seen(0))
		assert.Equal(t, 35-w.Recent+1, o.m.Seen(0))
	})
}

func TestLostCallsBeginAnew(t *testing.T) {
	everywhere(t, func(t *testing.T, w *core.Work) {
		o := newModel(t, w, usual)
		o.observe(2, 40, 40)
		o.m.Lost(2)
		assert.Zero(t, o.m.Seen(2))
		assert.Zero(t, o.m.EffectiveQueries(2))
		o.exact[2], o.least[2], o.counts[2] = nil, nil, 0
		o.clock[2] += 64 * o.m.block
		o.observe(2, 10, 50)
	})
}

// levels chooses those of all pages of tokens of some layers.
func (o *model) levels(c Choice, layers ...int) []uint32 {
	w := o.m.work
	var list []pages.ID
	for _, layer := range layers {
		for page := range c.Stored / w.PageTokens {
			list = append(list, pages.ID{LayerGroup: layer, Page: page})
		}
	}
	words := len(list) * w.PageTokens
	require.NoError(o.t, w.Run.Run("levels", func(l *device.List) {
		plan, measured := w.PlanRoom(), core.Measuring(w.Limits.ViewAlign)
		c.Freed = func(int) int { return o.freed }
		o.m.Choose(l, plan, list, c, device.View{Buffer: w.Out, Words: words})
		o.m.Measure(measured, len(list))
		require.Equal(o.t, measured.Used(), plan.Used())
		l.Check(plan.Err())
	}))
	return slices.Clone(w.Out.Words()[:words])
}

// rule is the level of each token by the logarithm, in float64; NaN: raw.
func (o *model) rule(layer int, sinks map[int]bool, seen int, shift int) []float64 {
	sum, count := 0.0, 0.0
	for t, units := range o.exact[layer] {
		if t >= max(usual.First, o.freed*o.m.work.PageTokens) && !sinks[t] {
			sum, count = sum+units, count+1
		}
	}
	out := make([]float64, len(o.exact[layer]))
	for t, units := range o.exact[layer] {
		share := units * count / sum
		if t >= seen {
			share = 1
		}
		out[t] = math.Log2((share+float64(usual.Floor))/(1+float64(usual.Floor)))/2 + float64(shift)/16
		if t < usual.First || sinks[t] {
			out[t] = math.NaN()
		}
	}
	return out
}

// TestLevelsFollowTheRule: levels are those of the rule, but where the logarithm lies
// within a hundredth of the middle between two.
func TestLevelsFollowTheRule(t *testing.T) {
	everywhere(t, func(t *testing.T, w *core.Work) {
		o := newModel(t, w, usual)
		for layer := range w.Layers {
			o.observe(layer, 200+layer, 200+layer)
		}
		sinks := map[int]bool{}
		for i, shift := range []int{0, 8, -5, 40, -40} {
			o.freed = i % 3 // pages that a sliding window left behind
			got := o.levels(Choice{Stored: 192, Shift: shift}, 2, 0)
			sinks[5] = true
			for i, layer := range []int{2, 0} {
				rule := o.rule(layer, sinks, o.m.Seen(layer), shift)
				for token, level := range got[i*192:][:192] {
					if math.IsNaN(rule[token]) {
						require.EqualValues(t, shaders.Raw, level, "token %d", token)
						continue
					}
					low := min(max(math.Floor(2*(rule[token]-0.01)+0.5)+3, 0), 9)
					high := min(max(math.Floor(2*(rule[token]+0.01)+0.5)+3, 0), 9)
					require.True(t, float64(level) == low || float64(level) == high, "shift %d layer %d token %d: %v: level %d", shift, layer, token, rule[token], level)
				}
			}
		}
		o.observe(0, 80, 280) // far less attention for the sink would not help it
		require.EqualValues(t, shaders.Raw, o.levels(Choice{Stored: 16}, 0)[5])
	})
}

func TestLayoutRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*Parameters, *core.Shape)
		want   string
	}{
		{func(p *Parameters, _ *core.Shape) { p.HalfLife = 7 }, "half-life of 7 queries: must be even"},
		{func(p *Parameters, _ *core.Shape) { p.HalfLife = 0 }, "half-life of 0 queries"},
		{func(p *Parameters, _ *core.Shape) { p.Floor = 0 }, "floor of importance 0: must be above 0"},
		{func(p *Parameters, _ *core.Shape) { p.Sink = float32(math.NaN()) }, "share of sinks NaN"},
		{func(p *Parameters, _ *core.Shape) { p.First = -1 }, "first -1 tokens"},
		{func(p *Parameters, _ *core.Shape) { p.HalfLife = 1 << 40 }, "more than a word holds"},
		{func(_ *Parameters, s *core.Shape) { s.GroupHeads, s.GroupLayers = false, true }, "a level is of one layer"},
		{func(_ *Parameters, s *core.Shape) { s.Capacity = 1 << 26 }, "limits a storage buffer"},
	} {
		p, s := usual, shape
		c.change(&p, &s)
		w := newWork(t, "cpu", s)
		_, err := NewLayout(w, p)
		require.ErrorIs(t, err, policy.ErrConfig)
		require.ErrorContains(t, err, c.want)
	}
}

func TestRecordRefusesTooMany(t *testing.T) {
	o := newModel(t, newWork(t, "cpu", shape), usual)
	l := device.NewList(o.m.work.Device)
	take := core.Take{End: 1 << 17 / 3}
	o.m.Call(0, take.End).Record(l, take, core.Scores{Vectors: 1 << 17, Heads: 2, Stride: 8, Tile: 4, Tokens: 8}, device.View{}, device.View{})
	assert.ErrorContains(t, l.Err(), "importance of 262140 query vectors in a dispatch: must be at most 131072")
}

func TestBytes(t *testing.T) {
	l, err := NewLayout(newWork(t, "cpu", shape), usual)
	require.NoError(t, err)
	defer l.Close()
	assert.Equal(t, int64(2*3*100), l.Bytes(99))
	assert.Equal(t, 3*384, l.Words())
}
