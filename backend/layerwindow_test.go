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

// The host keeps the rows that a rollback or a promotion may still need, of layers
// with a window as of others, and no more.
func TestLayerWindowsGiveUpHostRows(t *testing.T) {
	for _, windows := range [][]int{{64, 0}, {64, 100}} {
		s, all := windowed(t, LevelHead, testQAQ(policy.Paper), windows, 0), windowed(t, LevelHead, testQAQ(policy.Paper), nil, 0)
		attend := func(s *sequence, n int) (out [][]float32) {
			for layer := range 2 {
				s.append(layer, n)
				out = append(out, s.attend(layer, s.queries(n), AttendOptions{Window: windows[layer]}))
			}
			require.NoError(t, s.seq.Step(t.Context()))
			return out
		}
		for range 60 {
			require.Equal(t, attend(all, 20), attend(s, 20))
		}
		s.c.adapter.Finish(nil)
		blocks := func(from int) int64 { return int64((s.seq.extent.Stored+63)/64 - from/64) }
		first := (1200-s.c.work.WholeRing()-64)/16*16 - 5 - 16 // pages of layer 0, and what a rollback needs
		want, block := blocks(first)+blocks(0), int64(64*2*32*2)
		if windows[1] > 0 {
			want = blocks(first) + blocks((1200-s.c.work.WholeRing()-100)/16*16-5-16)
		}
		require.Equal(t, 2*block*want, s.seq.Stats().Bytes.Host-s.seq.indexBytes())
		require.Equal(t, 2*block*2*blocks(0), all.seq.Stats().Bytes.Host-all.seq.indexBytes())

		s.rollback(65) // one token more than the ring has, and as many as the window of 64 allows
		all.rollback(65)
		for range 4 {
			require.Equal(t, attend(all, 20), attend(s, 20))
		}
	}
}

// A window that is shorter than what a rollback brings back to the ring: a second one
// may need rows that were given up, and says so.
func TestRollbackBehindGivenUpRows(t *testing.T) {
	s := windowed(t, LevelHead, policy.None{}, []int{4, 0}, 0)
	for range 60 {
		s.step(20)
	}
	s.rollback(77)
	before := s.read(1)
	err := s.seq.Rollback(16)
	require.EqualError(t, err, "backend: rollback to 1107 tokens: rows of the tokens 1088..1103 are needed, the host gave up the first 1099 behind a window: rows are gone")
	require.ErrorIs(t, err, ErrRollback)
	require.Equal(t, 1123, s.seq.Tokens())
	require.Equal(t, before, s.read(1))
	s.rollback(3)
}
