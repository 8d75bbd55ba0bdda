package model_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// shifted is a KV whose attention is computed from the formula in f64; queries at
// least distance tokens later see the rows of one layer shifted.
type shifted struct {
	config   model.Config
	layer    int
	distance int
	dk, dv   []float64 // [n][KVHeads][D]
	k, v     []float32
}

func (s *shifted) Tokens() int                        { return 0 }
func (s *shifted) Step() error                        { return nil }
func (s *shifted) Append(_ int, k, v []float32) error { s.k, s.v = k, v; return nil }

func (s *shifted) Attend(layer int, q, out []float32, a model.Attention) error {
	c, d := s.config, s.config.HeadDim
	for i := range len(q) / d {
		token, head := i/c.QueryHeads, i%c.QueryHeads/c.Group()
		from := 0
		if a.Window > 0 {
			from = max(0, token+1-a.Window)
		}
		sum, mixed := 0.0, make([]float64, d)
		for j := from; j <= token; j++ {
			at := (j*c.KVHeads + head) * d
			k, v := make([]float64, d), make([]float64, d)
			for e := range d {
				k[e], v[e] = float64(s.k[at+e]), float64(s.v[at+e])
				if layer == s.layer && token-j >= s.distance {
					k[e], v[e] = k[e]+s.dk[at+e], v[e]+s.dv[at+e]
				}
			}
			score := 0.0
			for e := range d {
				score += float64(q[i*d+e]) * k[e] * or(float64(a.Scale), 1/math.Sqrt(float64(d)))
			}
			p := math.Exp(capped(score, float64(a.SoftCap)))
			sum += p
			for e := range d {
				mixed[e] += p * v[e]
			}
		}
		for e := range d {
			out[i*d+e] = float32(mixed[e] / sum)
		}
	}
	return nil
}

// likelihood is the sum of the log-likelihoods of the labels.
func likelihood(t *testing.T, m *model.Model, kv model.KV, tokens, labels []int) (sum float64) {
	logits, err := m.ForwardAll(tokens, kv)
	require.NoError(t, err)
	for i, y := range labels {
		row := logits[i*m.Vocab : (i+1)*m.Vocab]
		total := 0.0
		for _, x := range row {
			total += math.Exp(float64(x))
		}
		sum += float64(row[y]) - math.Log(total)
	}
	return sum
}

// window are tokens and labels longer than a block of queries.
func window(vocab, n int) (tokens, labels []int) {
	r := rand.New(rand.NewPCG(11, 12))
	for range n {
		tokens, labels = append(tokens, r.IntN(vocab)), append(labels, r.IntN(vocab))
	}
	return tokens, labels
}

// gradients returns copies of what Backward gives, by layer.
func gradients(t *testing.T, m *model.Model, distance int, tokens, labels []int) []model.LayerGradients {
	d := model.NewDifferentiator(m)
	d.Distance = distance
	require.NoError(t, d.Forward(tokens, nil))
	out := make([]model.LayerGradients, m.Layers)
	_, err := d.Backward(func(at int, _ []float32) int { return labels[at] }, func(g model.LayerGradients) {
		g.GradK, g.GradV = slices.Clone(g.GradK), slices.Clone(g.GradV)
		out[g.Layer] = g
	})
	require.NoError(t, err)
	return out
}

// Gradients against differences, along random directions of keys and of values,
// for all that changes the arithmetic.
func TestGradientsAreDifferences(t *testing.T) {
	for _, c := range slices.Concat(variants, arithmetic) {
		t.Run(c.name, func(t *testing.T) {
			tiny := modeltest.Tiny(7)
			c.edit(tiny)
			m := load(t, tiny)
			tokens, labels := window(m.Vocab, 40)
			checkGradients(t, m, 0, tokens, labels)
			checkGradients(t, m, 8, tokens, labels)
		})
	}
}

func TestGradientsOverBlocksOfQueries(t *testing.T) {
	tiny := modeltest.Tiny(7)
	set("context_length", uint32(512), "attention.sliding_window", uint32(100), "attention.sliding_window_pattern", uint32(2), "attn_logit_softcapping", float32(1))(tiny)
	m := load(t, tiny)
	tokens, labels := window(m.Vocab, 140)
	checkGradients(t, m, 64, tokens, labels)
}

func checkGradients(t *testing.T, m *model.Model, distance int, tokens, labels []int) {
	const step = 5e-4
	r := rand.New(rand.NewPCG(13, 14))
	for _, g := range gradients(t, m, distance, tokens, labels) {
		for i, gradient := range [][]float32{g.GradK, g.GradV} {
			direction, along := make([]float64, len(gradient)), 0.0
			for e := range direction {
				direction[e] = r.NormFloat64()
				along += direction[e] * float64(gradient[e])
			}
			at := func(by float64) float64 {
				kv := &shifted{config: m.Config, layer: g.Layer, distance: distance, dk: make([]float64, len(gradient)), dv: make([]float64, len(gradient))}
				copy([][]float64{kv.dk, kv.dv}[i], scaled(direction, by))
				return likelihood(t, m, kv, tokens, labels)
			}
			want := (8*(at(step)-at(-step)) - (at(2*step) - at(-2*step))) / (12 * step)
			assert.InDelta(t, want, along, 0.01*math.Abs(want)+0.05, "layer %d, distance %d, k v %d", g.Layer, distance, i)
		}
	}
}

func TestGradientsRepeatExactly(t *testing.T) {
	for _, name := range []string{"f32", "stored"} {
		path := write(t, modeltest.Tiny(7))
		m, err := model.Load(path)
		if name == "stored" {
			m, err = model.LoadStored(path)
		}
		require.NoError(t, err)
		tokens, labels := window(m.Vocab, modeltest.Context)
		first := gradients(t, m, 8, tokens, labels)
		assert.Equal(t, first, gradients(t, m, 8, tokens, labels), name)
		require.NoError(t, m.Close())
	}
}

// The shares are of all queries so far, block by block, and those of a query sum to 1.
func TestAttended(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	tokens, _ := window(m.Vocab, modeltest.Context)
	d := model.NewDifferentiator(m)
	var blocks []int
	d.Attended = func(layer int, shares []float32) {
		if layer != 0 {
			return
		}
		blocks = append(blocks, len(shares))
		var sum float64
		for _, x := range shares {
			require.GreaterOrEqual(t, x, float32(0))
			sum += float64(x)
		}
		assert.InEpsilon(t, model.AttendedBlock*m.QueryHeads, sum, 1e-5)
	}
	require.NoError(t, d.Forward(tokens, nil))
	assert.Equal(t, []int{32, 64, 96}, blocks)
}

func TestForwardOfTheTapeIsTheForward(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	tokens, labels := window(m.Vocab, modeltest.Context)
	want, err := m.ForwardAll(tokens, model.NewMemory(m.Config))
	require.NoError(t, err)
	d := model.NewDifferentiator(m)
	require.NoError(t, d.Forward(tokens, nil))
	nll, err := d.Backward(func(at int, p []float32) int {
		for i, l := range want[at*m.Vocab : (at+1)*m.Vocab] {
			require.InEpsilon(t, math.Exp(logProb64(want[at*m.Vocab:(at+1)*m.Vocab], i)), p[i], 1e-3, "token %d of %v", i, l)
		}
		return labels[at]
	}, func(model.LayerGradients) {})
	require.NoError(t, err)
	sum := 0.0
	for i, y := range tokens[1:] {
		sum -= logProb64(want[i*m.Vocab:(i+1)*m.Vocab], y)
	}
	assert.InEpsilon(t, sum/float64(len(tokens)-1), nll, 1e-5)
	require.ErrorIs(t, d.Forward(make([]int, modeltest.Context+1), nil), model.ErrContext)
}

// What does not fit beside the model is refused, with the numbers.
func TestGradientsThatDoNotFit(t *testing.T) {
	path := write(t, modeltest.Tiny(7))
	stored, err := model.LoadStored(path)
	require.NoError(t, err)
	defer stored.Close()
	m, err := model.LoadOn(path, stored.Footprint.Need()+1<<20, model.Unlimited)
	require.NoError(t, err)
	defer m.Close()
	err = model.NewDifferentiator(m).Forward(make([]int, modeltest.Context), nil)
	require.ErrorIs(t, err, model.ErrMemory)
	require.ErrorContains(t, err, "gradients of 96 tokens need")
}

// logProb64 is the logarithm of a token's probability.
func logProb64(logits []float32, token int) float64 {
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l - logits[token]))
	}
	return -math.Log(sum)
}
