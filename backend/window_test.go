package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestImportanceIsTheMaximumOfTheLastRows(t *testing.T) {
	m := newImportance(Config{Layers: 1, KVHeads: 1, Window: 2, Capacity: 8})
	out := func(n int) []float32 {
		w := make([]float32, n)
		m.scope(0, 0).fill(w)
		return w
	}
	assert.Equal(t, []float32{-1}, out(1), "no rows yet")
	m.observe(0, []float32{.9, .1}, 1, 2, 1)
	assert.Equal(t, []float32{-1}, out(1), "fewer than n rows")
	m.observe(0, []float32{.3, .7, .6, .4}, 1, 2, 2)
	assert.Equal(t, []float32{.9, -1}, out(2), "the second token has one row")
	m.observe(0, []float32{.1, .2, .7, .3, .3, .4}, 1, 2, 3)
	assert.Equal(t, []float32{.6, .7, -1}, out(3), "the first row has left")
	prefill := make([]float32, 3*2*6) // 3 queries at once: only the last two count
	for i := range prefill {
		prefill[i] = float32(i) / 100
	}
	m.observe(0, prefill, 3, 2, 6)
	assert.Equal(t, []float32{.30, .31, .32, .33, .34, -1}, out(6))
	assert.Equal(t, []float32{.30}, out(1))
}

func TestImportanceOverLayers(t *testing.T) {
	m := newImportance(Config{Layers: 2, KVHeads: 1, Window: 1, Capacity: 8, Level: LevelToken})
	m.observe(0, []float32{.2, .5}, 1, 1, 2)
	m.observe(1, []float32{.3, .1}, 1, 1, 2)
	w := make([]float32, 2)
	m.scope(1, 0).fill(w)
	assert.Equal(t, []float32{.3, .5}, w)
	m.observe(0, []float32{.1, .1, .1}, 1, 1, 3)
	m.scope(0, 0).fill(w)
	assert.Equal(t, []float32{.1, .1}, w, "layer 1 lags behind")
	m.observe(1, []float32{0, .4, 0}, 1, 1, 3)
	m.scope(0, 0).fill(w)
	assert.Equal(t, []float32{.1, .4}, w)
}

// A runtime hands over rows that are on the device already, at any offset.
func TestAppendsFromADeviceBuffer(t *testing.T) {
	for _, name := range []string{"cpu", "both:llvmpipe"} {
		t.Run(name, func(t *testing.T) {
			d := cpu(t)
			if name != "cpu" {
				d = openVulkan(t, name)
			}
			s := newSequence(t, d, BF16, Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 100, Policy: Uniform{4, 4}})
			b := newBuffer(t, d, "runtime", 4096, DeviceLocal)
			for _, n := range []int{5, 1, 31, 30} { // the ring wraps
				for layer := range s.cfg.Layers {
					k, v := narrowed(s.values(n), BF16), narrowed(s.values(n), BF16)
					require.NoError(t, Write(context.Background(), d, b, 4, k))
					require.NoError(t, Write(context.Background(), d, b, 2004, v))
					require.NoError(t, s.seq.Append(layer, RowsView(BF16, View{b, 4, len(k)}), RowsView(BF16, View{b, 2004, len(v)})))
					for kind, words := range [][]uint32{k, v} {
						s.rows[kind][layer] = append(s.rows[kind][layer], converted(words, BF16, F16, 32)...)
					}
					_, err := s.seq.Read(layer, RowsF32(make([]float32, 6400)), RowsF32(make([]float32, 6400)))
					require.NoError(t, err)
				}
				require.NoError(t, s.seq.Step(context.Background()))
				s.requireRows(F32)
			}
			err := s.seq.Append(0, RowsView(BF16, View{b, 4090, 32}), RowsView(BF16, View{b, 0, 32}))
			assert.EqualError(t, err, "backend: append: k: view runtime[4090:4122] of a buffer of 4096 words")
			err = s.seq.Append(0, RowsView(BF16, View{b, 4, 32}), RowsView(BF16, View{b, 102, 32}))
			assert.EqualError(t, err, "backend: append: v: rows from word 102: must be a multiple of 4")
		})
	}
}

// A layer may get the tokens of a step in several calls, and none may be read
// before the step ends.
func TestStepInParts(t *testing.T) {
	s := newSequence(t, cpu(t), F32, Config{Layers: 3, KVHeads: 1, HeadDim: 32, Capacity: 300, Policy: Uniform{3, 5}})
	for range 9 {
		for _, n := range []int{3, 20, 9} {
			for layer := range s.cfg.Layers {
				s.append(layer, n)
			}
		}
		require.NoError(t, s.seq.Step(context.Background()))
	}
	s.requireRows(F32)
}

func TestSlackOfLargeCaches(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
	}{
		{"head", Config{Layers: 2, KVHeads: 2, HeadDim: 64}},
		{"token", Config{Layers: 4, KVHeads: 1, HeadDim: 64, Level: LevelToken}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Capacity, c.cfg.Policy, c.cfg.HostBudget = 3000, testQAQ(Paper), 1<<24
			s := newSequence(t, cpu(t), F16, c.cfg)
			for s.seq.Tokens() < 2900 {
				s.step(29)
				if st := s.c.Stats(); st.Stored > 500 {
					require.LessOrEqual(t, float64(st.Bytes.Slack), .05*float64(st.Bytes.Live), "%d tokens", st.Tokens)
				}
			}
			st := s.c.Stats()
			require.Positive(t, st.Moves.Promoted)
			require.Less(t, st.Bytes.Committed+st.Bytes.Staging, st.Bytes.F16, "%+v", st.Bytes)
			require.Less(t, st.Segments, 5)
		})
	}
}
