package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// A runtime hands over rows that are on the device already, at any offset.
func TestAppendsFromADeviceBuffer(t *testing.T) {
	for _, name := range []string{"cpu", "both:llvmpipe"} {
		t.Run(name, func(t *testing.T) {
			d := cpu(t)
			if name != "cpu" {
				d = openLLVMpipe(t, name)
			}
			s := newSequence(t, d, BF16, Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 100, Policy: policy.Uniform{KeyBits: 4, ValueBits: 4}})
			b := deviceBuffer(t, d, "runtime", 4096, device.DeviceLocal)
			for _, n := range []int{5, 1, 31, 30} { // the ring wraps
				for layer := range s.cfg.Layers {
					k, v := narrowed(s.values(n), BF16), narrowed(s.values(n), BF16)
					require.NoError(t, device.Write(context.Background(), d, b, 4, k))
					require.NoError(t, device.Write(context.Background(), d, b, 2004, v))
					require.NoError(t, s.seq.Append(layer, RowsView(BF16, device.View{Buffer: b, Offset: 4, Words: len(k)}), RowsView(BF16, device.View{Buffer: b, Offset: 2004, Words: len(v)})))
					for kind, words := range [][]uint32{k, v} {
						s.rows[kind][layer] = append(s.rows[kind][layer], converted(words, BF16, F16, 32, 1)...)
					}
					_, err := s.seq.Read(layer, RowsF32(make([]float32, 6400)), RowsF32(make([]float32, 6400)))
					require.NoError(t, err)
				}
				require.NoError(t, s.seq.Step(context.Background()))
				s.requireRows(F32)
			}
			err := s.seq.Append(0, RowsView(BF16, device.View{Buffer: b, Offset: 4090, Words: 32}), RowsView(BF16, device.View{Buffer: b, Offset: 0, Words: 32}))
			assert.EqualError(t, err, "backend: append: k: view runtime[4090:4122] of a buffer of 4096 words")
			err = s.seq.Append(0, RowsView(BF16, device.View{Buffer: b, Offset: 4, Words: 32}), RowsView(BF16, device.View{Buffer: b, Offset: 102, Words: 32}))
			assert.EqualError(t, err, "backend: append: v: rows from word 102: must be a multiple of 4")
		})
	}
}

// A layer may get the tokens of a step in several calls, and none may be read
// before the step ends.
func TestStepInParts(t *testing.T) {
	s := newSequence(t, cpu(t), F32, Config{Layers: 3, KVHeads: 1, HeadDim: 32, Capacity: 300, Policy: policy.Uniform{KeyBits: 3, ValueBits: 5}})
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
			c.cfg.Capacity, c.cfg.Policy, c.cfg.HostBudget = 3000, testQAQ(policy.Paper), 1<<24
			s := newSequence(t, cpu(t), F16, c.cfg)
			for s.seq.Tokens() < 2900 {
				s.step(29)
				s.c.adapter.Finish(nil) // an adaptation in flight holds buffers that are no slack of pages
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
