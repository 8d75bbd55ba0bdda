package backend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
)

// windowed is a cache whose first layer has a window of 64 and one of the same
// text without; level token has one layer group for both layers.
func windowed(t *testing.T, level Level, p policy.Policy, windows []int, reserve int64) *sequence {
	cfg := Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 1500, Sequences: 2, Level: level, Policy: p, Reserve: reserve,
		AdaptEvery: 4, Synchronous: true, HostBudget: 1 << 26, LayerWindows: windows}
	return newSequence(t, cpu(t), F32, cfg)
}

// Layers with a window keep the tokens of the window, and attention is, bit for
// bit, that of a cache which keeps all.
func TestLayerWindowsFreePages(t *testing.T) {
	for _, c := range []struct {
		name    string
		level   Level
		policy  policy.Policy
		windows []int
		reserve int64
		bounded bool // all layers have windows
	}{
		{"none", LevelHead, policy.None{}, []int{64, 100}, 0, true},
		{"qaq", LevelHead, testQAQ(policy.Paper), []int{64, 0}, 0, false},
		{"qaq in a reserve", LevelLayer, testQAQ(policy.Paper), []int{64, 64}, 1 << 18, true},
		{"uniform, token", LevelToken, policy.Uniform{KeyBits: 4, ValueBits: 3}, []int{64, 100}, 0, true},
		{"one layer holds all", LevelToken, policy.Uniform{KeyBits: 4, ValueBits: 3}, []int{64, 0}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, all := windowed(t, c.level, c.policy, c.windows, c.reserve), windowed(t, c.level, c.policy, nil, 0)
			var live []int64
			for i := range 60 {
				for layer := range 2 {
					o := AttendOptions{Window: c.windows[layer]}
					s.append(layer, 20)
					all.append(layer, 20)
					q := s.queries(20)
					require.Equal(t, q, all.queries(20))
					require.Equal(t, all.attend(layer, q, o), s.attend(layer, q, o), "layer %d at %d tokens", layer, 20*i+20)
				}
				require.NoError(t, s.seq.Step(t.Context()))
				require.NoError(t, all.seq.Step(t.Context()))
				live = append(live, s.seq.Stats().Bytes.Live)
			}
			require.Equal(t, c.bounded, live[59] < live[29]*5/4, "%d, %d bytes", live[29], live[59])
			require.LessOrEqual(t, live[59], all.seq.Stats().Bytes.Live)
			f := s.fork()
			require.Equal(t, s.attend(0, s.queries(1), AttendOptions{Window: 10})[:0], f.attend(0, f.queries(1), AttendOptions{Window: 10})[:0])
			require.NoError(t, f.seq.Rollback(20))
			out, err := s.seq.Evicted(0)
			require.NoError(t, err)
			require.Equal(t, c.level == LevelHead || c.bounded, out[0])
			if c.bounded {
				require.ErrorIs(t, s.seq.Rollback(600), ErrRollback)
				require.Equal(t, 1200, s.seq.Tokens())
			}
			require.NoError(t, s.seq.Drop())
		})
	}
}

func TestLayerWindowsRefuse(t *testing.T) {
	s := windowed(t, LevelHead, policy.None{}, []int{64, 0}, 0)
	s.step(20)
	q := make([]float32, 128)
	for _, w := range []int{0, 65} {
		require.ErrorIs(t, s.seq.Attend(t.Context(), 0, RowsF32(q), RowsF32(q), AttendOptions{Window: w}), ErrConfig)
	}
	require.NoError(t, s.seq.Attend(t.Context(), 1, RowsF32(q), RowsF32(q), AttendOptions{}))
	for _, windows := range [][]int{{1}, {-1, 0}, {0, 1 << 25}} {
		cfg := small
		cfg.LayerWindows = windows
		_, err := New(cpu(t), cfg)
		require.ErrorIs(t, err, ErrConfig)
	}
}
