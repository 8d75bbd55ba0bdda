package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// After a rehearsal the first steps of a cache make no pipelines.
func TestRehearseOnVulkan(t *testing.T) {
	for name, cfg := range map[string]Config{
		"calibrated": calibratedConfig(2, 2, 32, 24),
		"ranged": {Layers: 2, KVHeads: 2, QueryHeads: 6, HeadDim: 32, Capacity: 512, OutlierFraction: .02,
			Policy: policy.Uniform{KeyBits: 5, ValueBits: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.AdaptEvery = -1 // rounds have kernels of their own
			d := openLLVMpipe(t, "llvmpipe")
			pipelines := func() int { return d.Stats().Objects["pipelines"] }
			before := pipelines()
			require.NoError(t, Rehearse(t.Context(), d, cfg))
			require.Zero(t, d.Stats().LiveBytes)
			rehearsed := pipelines()
			require.Greater(t, rehearsed, before+8)
			firstSteps(t, d, cfg)
			require.Equal(t, rehearsed, pipelines())
		})
	}
}

// firstSteps decodes tokens until some lie in pages, then reads a prompt.
func firstSteps(t *testing.T, d device.Device, cfg Config) {
	cfg.MaxStepTokens = 32
	c, err := New(d, cfg)
	require.NoError(t, err)
	defer c.Close()
	s, err := c.NewSequence()
	require.NoError(t, err)
	step := func(n int) {
		rows, q := make([]float32, n*cfg.KVHeads*cfg.HeadDim), make([]float32, n*cfg.QueryHeads*cfg.HeadDim)
		for i := range rows {
			rows[i] = float32(i*7919%1000) / 500
		}
		copy(q, rows)
		for layer := range cfg.Layers {
			require.NoError(t, s.Append(layer, RowsF32(rows), RowsF32(rows)))
			require.NoError(t, s.Attend(t.Context(), layer, RowsF32(q), RowsF32(q), AttendOptions{}))
		}
		require.NoError(t, s.Step(t.Context()))
	}
	for s.Stats().Stored == 0 {
		step(1)
	}
	step(1)
	step(32)
	step(1)
}

// A rehearsal ends early where it is told to, and says what is wrong with a configuration.
func TestRehearseEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := cpu(t)
	require.ErrorIs(t, Rehearse(ctx, d, calibratedConfig(2, 2, 32, 24)), context.Canceled)
	require.ErrorIs(t, Rehearse(t.Context(), d, Config{Layers: 1}), ErrConfig)
	require.ErrorIs(t, Rehearse(t.Context(), nil, calibratedConfig(2, 2, 32, 24)), ErrConfig)
	require.NoError(t, Rehearse(t.Context(), d, calibratedConfig(2, 2, 32, 24)))
	require.Zero(t, d.Stats().LiveBytes)
}
