package decayed

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// shape is a small cache whose layers importance is of.
var shape = core.Shape{Layers: 3, KVHeads: 2, QueryHeads: 6, HeadDim: 32, Capacity: 700, Recent: 8, Queries: 1,
	MaxStepTokens: 300, PageTokens: 16, Type: shaders.TypeF16, GroupHeads: true}

// usual are the parameters of tests, of a half-life that many calls cross.
var usual = Parameters{HalfLife: 20, Floor: 0.1, Sink: 0.4, First: 4}

// everywhere runs a test on the reference, and on llvmpipe beside it, every buffer
// compared.
func everywhere(t *testing.T, test func(t *testing.T, w *core.Work)) {
	for _, name := range []string{"cpu", "both:llvmpipe"} {
		t.Run(name, func(t *testing.T) { test(t, newWork(t, name, shape)) })
	}
}

// newWork is what importance needs of a cache.
func newWork(t *testing.T, name string, s core.Shape) *core.Work {
	dev, err := device.Open(name, device.Options{Validation: true, MinimumLimits: true})
	require.NoError(t, err)
	g, err := core.NewGeometry(s, dev.Limits().ViewAlign)
	require.NoError(t, err)
	w := &core.Work{Geometry: g, Device: dev, Limits: dev.Limits()}
	w.Run = core.NewRunner(dev, "test: ", func(string) func() { return func() {} }, w.Lost)
	t.Cleanup(func() {
		w.Run.Release()
		core.Release(w.Rows, w.Plan, w.Out)
		assert.NoError(t, dev.Close())
	})
	require.NoError(t, w.Make(core.Wanted{At: &w.Rows, Label: "rows", Words: 1 << 20, Memory: device.Upload},
		core.Wanted{At: &w.Plan, Label: "plan", Words: 1 << 14, Memory: device.Upload},
		core.Wanted{At: &w.Out, Label: "out", Words: 1 << 14, Memory: device.Download}))
	return w
}

// model is importance and what it should be, in float64.
type model struct {
	t      *testing.T
	m      *Importance
	rng    *rand.Rand
	tokens []int       // of each layer
	exact  [][]float64 // [layer][token], in units
	least  [][]float64 // the same less what may be missing
	counts []float64   // effective queries
	clock  []int       // queries of a layer
	freed  int         // pages of each layer that a sliding window left behind
}

func newModel(t *testing.T, w *core.Work, p Parameters) *model {
	l, err := NewLayout(w, p)
	require.NoError(t, err)
	m, err := New(l, 1)
	require.NoError(t, err)
	t.Cleanup(func() { m.Release(); l.Close() })
	n := w.Layers
	return &model{t, m, rand.New(rand.NewPCG(1, 2)), make([]int, n), make([][]float64, n), make([][]float64, n), make([]float64, n), make([]int, n), 0}
}

// probabilities are those of queries of the newest tokens, [query][query head][token],
// each head's adding up to 1; token 5 is a sink.
func (o *model) probabilities(queries, tokens int) []float32 {
	heads := o.m.work.QueryHeads
	all := make([]float32, queries*heads*tokens)
	for i := range queries * heads {
		row, sum := all[i*tokens:(i+1)*tokens], float32(0)
		seen := tokens - queries + i/heads + 1
		for j := range seen {
			row[j] = float32(math.Exp(8 * o.rng.Float64()))
			if j == 5 {
				row[j] *= 100
			}
			sum += row[j]
		}
		for j := range seen {
			row[j] /= sum
		}
	}
	return all
}

// add is a call in the model: exact sums, and those less what rounding down may take.
func (o *model) add(layer int, probs []float32, queries, tokens int) {
	heads, block := o.m.work.QueryHeads, o.m.block
	for len(o.exact[layer]) < tokens {
		o.exact[layer], o.least[layer] = append(o.exact[layer], 0), append(o.least[layer], 0)
	}
	clock := o.clock[layer]
	newest := (clock + queries - 1) / block
	decay := math.Exp2(-float64(newest-max(0, clock-1)/block) / 2)
	for t := range o.exact[layer] {
		o.exact[layer][t] *= decay
		o.least[layer][t] = o.least[layer][t]*decay - 1
	}
	o.counts[layer] *= decay
	for q := range queries {
		share := math.Exp2(-float64(newest-(clock+q)/block) / 2)
		o.counts[layer] += share
		for h := range heads {
			row, all := probs[(q*heads+h)*tokens:][:tokens], 0.0
			for _, p := range row {
				all += float64(p) * float64(p)
			}
			for t, p := range row {
				units := float64(p) * float64(p) / all * share * math.Exp2(float64(o.m.fraction))
				o.exact[layer][t] += units
				o.least[layer][t] += max(0, units-1)
			}
		}
	}
	o.clock[layer] += queries
	o.tokens[layer] = tokens
}

// read brings the importance of a layer's tokens to the host, that of sinks marked.
func read(t *testing.T, m *Importance, layer int) []uint32 {
	n := m.layers[layer].old
	if n == 0 {
		return nil
	}
	require.NoError(t, m.work.Run.Run("read", func(l *device.List) {
		l.Copy(m.buffer, m.work.Out, device.Region{Src: layer*m.layerWords() + shaders.ImportanceHeader, Words: shaders.ImportanceWords(n)})
	}))
	tokens := make([]uint32, n)
	for i := range tokens {
		sum, sink := shaders.Importance(m.work.Out.Words(), i)
		if tokens[i] = sum; sink {
			tokens[i] |= shaders.SinkMark
		}
	}
	return tokens
}

// check compares all importance with the model after a call of each layer or none,
// and lets the model go on from what is kept of the sums.
func (o *model) check() {
	for layer, n := range o.tokens {
		got := read(o.t, o.m, layer)
		require.Len(o.t, got, n)
		for t, word := range got {
			units, exact := float64(word&^shaders.SinkMark), &o.exact[layer][t]
			slack := *exact*(0x1p-19+0x1.01p-11) + 0x1p-8
			require.LessOrEqual(o.t, units, *exact+slack, "layer %d token %d", layer, t)
			require.GreaterOrEqual(o.t, units, o.least[layer][t]-slack, "layer %d token %d", layer, t)
			*exact, o.least[layer][t] = units, units
		}
		assert.InEpsilon(o.t, 1+o.counts[layer], 1+o.m.EffectiveQueries(layer), 1e-12)
	}
}
