package backend

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// observedQuery is a query of a layer in the plain model of importance.
type observedQuery struct {
	visible int
	probs   [][]float32 // [query head][token]
}

// observed is the plain model: a sequence and every query of every layer.
type observed struct {
	t       *testing.T
	seq     *Sequence
	rng     *rand.Rand
	queries [][]observedQuery
}

func (o *observed) append(n int) {
	cfg := o.seq.c.cfg
	for layer := range cfg.Layers {
		row := make([]float32, n*cfg.KVHeads*cfg.HeadDim)
		require.NoError(o.t, o.seq.Append(layer, RowsF32(row), RowsF32(row)))
	}
	require.NoError(o.t, o.seq.Step(context.Background()))
}

// observe gives a layer the attention of the last n tokens.
func (o *observed) observe(layer, n, queryHeads int) {
	tokens := o.seq.extent.Tokens
	var all []float32
	for i := range n {
		q := observedQuery{visible: tokens - n + i + 1}
		for range queryHeads {
			row := make([]float32, tokens)
			for t := range q.visible {
				row[t] = o.probability()
			}
			q.probs, all = append(q.probs, row), append(all, row...)
		}
		o.queries[layer] = append(o.queries[layer], q)
	}
	require.NoError(o.t, o.seq.Observe(layer, all, n, queryHeads))
}

// probability is any value, with what a caller must not give among them.
func (o *observed) probability() float32 {
	switch o.rng.IntN(12) {
	case 0:
		return 0
	case 1:
		return float32(o.rng.IntN(4)) - 1
	case 2:
		return float32(math.NaN())
	case 3:
		return float32(math.Exp2(-40 * o.rng.Float64()))
	}
	return o.rng.Float32() / 64
}

func (o *observed) fork() *observed {
	seq, err := o.seq.Fork()
	require.NoError(o.t, err)
	f := &observed{t: o.t, seq: seq, rng: rand.New(rand.NewPCG(uint64(o.seq.extent.Tokens), 3))}
	for _, q := range o.queries {
		f.queries = append(f.queries, slices.Clone(q))
	}
	return f
}

func (o *observed) rollback(n int) {
	require.NoError(o.t, o.seq.Rollback(n))
	for layer, q := range o.queries {
		for i := range q {
			if q[i].visible > o.seq.extent.Tokens {
				o.queries[layer] = q[:i:i]
				break
			}
		}
	}
}

// want is the importance of a token for some heads of layers, exactly, but that
// a rollback took rows that had left since.
func (o *observed) want(from, to, head, heads, token int) float32 {
	var most float32
	cfg := o.seq.c.cfg
	for layer := from; layer < to; layer++ {
		q := o.queries[layer]
		held := o.seq.ranged().importance.Held(layer)
		if len(q) < cfg.Recent || held < cfg.Recent || q[len(q)-cfg.Recent].visible <= token {
			return -1
		}
		for _, one := range q[len(q)-cfg.Queries:] {
			perHead := len(one.probs) / cfg.KVHeads
			for _, row := range one.probs[head*perHead : heads*perHead] {
				if p := min(row[token], 1); p > most {
					most = p
				}
			}
		}
	}
	return roundedUp(most)
}

func (o *observed) require() {
	g := o.seq.c.work
	for unit := range g.LayerGroups {
		got, err := o.seq.ranged().importance.Read(unit, o.seq.extent.Tokens)
		require.NoError(o.t, err)
		from, to := g.LayersOf(unit)
		for token := range o.seq.extent.Tokens {
			for group := range g.TokenGroups {
				head, heads := g.HeadsOf(group)
				require.Equal(o.t, o.want(from, to, head, heads, token), got[token*g.TokenGroups+group],
					"unit %d group %d token %d", unit, group, token)
			}
		}
	}
}

func TestImportanceIsTheMaximumOfTheLastQueries(t *testing.T) { testImportance(t, cpu(t)) }

// Every buffer that a kernel of the cache writes is compared with the reference.
func TestImportanceOnVulkanAndReference(t *testing.T) {
	testImportance(t, openLLVMpipe(t, "both:llvmpipe"))
}

func testImportance(t *testing.T, d device.Device) {
	for _, level := range []Level{LevelHead, LevelLayer, LevelToken} {
		t.Run(level.String(), func(t *testing.T) {
			c, err := New(d, Config{Layers: 3, KVHeads: 2, HeadDim: 32, Capacity: 301, Sequences: 2, Level: level,
				Recent: 3, Queries: 3, PageTokens: 1, Policy: testQAQ(policy.Paper), AdaptEvery: -1, HostBudget: 1 << 24})
			require.NoError(t, err)
			defer c.Close()
			seq, err := c.NewSequence()
			require.NoError(t, err)
			o := &observed{t: t, seq: seq, rng: rand.New(rand.NewPCG(1, 2)), queries: make([][]observedQuery, 3)}
			o.append(5)
			o.observe(0, 5, 6)
			o.require() // layers 1 and 2 have none
			for i := range 12 {
				o.append(1 + o.rng.IntN(30))
				for layer := range 3 {
					if i != 7 || layer == 1 { // some lag behind
						o.observe(layer, 1+o.rng.IntN(5), []int{6, 2}[i%2])
					}
				}
				o.require()
				if i == 3 || i == 8 {
					f := o.fork()
					f.require()
					f.append(4)
					f.observe(2, 2, 4)
					f.require()
					o.require()
					require.NoError(t, o.seq.Drop())
					o = f
				}
				if i%4 == 2 {
					o.rollback(o.rng.IntN(9))
					o.require()
				}
			}
		})
	}
}

// One query may need several lists: few words of many heads fit at once.
func TestImportanceOfManyHeads(t *testing.T) {
	c, err := New(cpu(t), Config{Layers: 1, KVHeads: 3, HeadDim: 32, Capacity: 700, Recent: 1, Queries: 1, PageTokens: 1,
		MaxStepTokens: 40, Policy: testQAQ(policy.Paper), AdaptEvery: -1})
	require.NoError(t, err)
	defer c.Close()
	seq, err := c.NewSequence()
	require.NoError(t, err)
	o := &observed{t: t, seq: seq, rng: rand.New(rand.NewPCG(4, 2)), queries: make([][]observedQuery, 1)}
	for range 16 {
		o.append(40)
	}
	require.Less(t, c.work.Rows.Len(), 96*256)
	before := c.Stats().Submits
	o.observe(0, 2, 96)
	require.Greater(t, c.Stats().Submits-before, int64(3))
	o.require()
	o.observe(0, 1, 3)
	o.require()
}

// A list that fails in the middle of a query leaves its row to the next call.
func TestObserveFails(t *testing.T) {
	d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errBroken}
	c, err := New(d, Config{Layers: 1, KVHeads: 3, HeadDim: 32, Capacity: 700, Recent: 2, Queries: 2, PageTokens: 1,
		MaxStepTokens: 40, Policy: testQAQ(policy.Paper), AdaptEvery: -1})
	require.NoError(t, err)
	defer c.Close()
	seq, err := c.NewSequence()
	require.NoError(t, err)
	o := &observed{t: t, seq: seq, rng: rand.New(rand.NewPCG(5, 2)), queries: make([][]observedQuery, 1)}
	for range 16 {
		o.append(40)
	}
	o.observe(0, 2, 96)
	probs := slices.Repeat([]float32{.5}, 96*640)
	d.submits = 1
	require.ErrorIs(t, seq.Observe(0, probs, 1, 96), errBroken)
	d.submits = -1
	require.Zero(t, seq.ranged().importance.Seen(0, 1), "half of a row was overwritten")
	require.NoError(t, seq.Observe(0, probs, 1, 96))
	got, err := seq.ranged().importance.Read(0, 640)
	require.NoError(t, err)
	for _, p := range got[:639*3] {
		require.GreaterOrEqual(t, p, float32(.5))
	}
}

func TestImportanceTakesNoMemoryWhereNobodyNeedsIt(t *testing.T) {
	for _, p := range []policy.Policy{policy.None{}, policy.Uniform{KeyBits: 3, ValueBits: 4}} {
		cfg := small
		cfg.Policy = p
		s := newSequence(t, cpu(t), F32, cfg)
		s.step(30)
		require.Zero(t, s.seq.ranged().importance.Words())
		st := s.c.Stats()
		require.Equal(t, 4*int64(s.seq.window.Ring.Len()), st.Bytes.Committed-st.Bytes.Slack-4*s.seq.table.Words())
	}
}

func TestImportanceIsCounted(t *testing.T) {
	s := newSequence(t, cpu(t), F32, small)
	s.step(10)
	st := s.c.Stats()
	require.Equal(t, int64(4*10*s.c.work.TokenWords+5*10*2*2), st.Bytes.Live)
	require.Equal(t, int64(4*(s.seq.window.Ring.Len()+2*core.RoundUp(5*2*16, s.c.work.Device.Limits().ViewAlign))), st.Bytes.Committed)
}
