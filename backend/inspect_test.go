package backend

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// inspected is what Inspect gives, compared with the mirror and with the bytes of the
// pages.
func (s *sequence) inspected() *Inspection {
	var in Inspection
	require.NoError(s.t, s.seq.Inspect(&in))
	require.NoError(s.t, s.seq.Inspect(&in), "again, in the same memory")
	require.Equal(s.t, []int{s.seq.Tokens(), s.seq.Stats().Stored}, []int{in.Tokens, in.Stored})
	bytes := 0.0
	for k := range in.Bits {
		for lg, bits := range in.Bits[k] {
			require.Len(s.t, bits, in.Stored*in.Groups)
			for i, b := range s.seq.table.Bits(shaders.Kind(k), lg, 0, s.seq.storedPages()) {
				require.Equal(s.t, min(b, shaders.Raw), bits[i])
				each, err := s.c.GroupBytes(shaders.Kind(k), lg, bits[i])
				require.NoError(s.t, err)
				bytes += each
			}
		}
	}
	require.InDelta(s.t, s.seq.Stats().Bytes.Stored, bytes, 0.5)
	return &in
}

func TestInspect(t *testing.T) {
	for _, level := range []Level{LevelHead, LevelLayer, LevelToken} {
		t.Run(level.String(), func(t *testing.T) { testInspect(t, cpu(t), level) })
	}
}

func TestInspectOnVulkanAndReference(t *testing.T) {
	testInspect(t, openLLVMpipe(t, "both:llvmpipe"), LevelHead)
}

// testInspect compares importance with the definition.
func testInspect(t *testing.T, d device.Device, level Level) {
	cfg := small
	cfg.Level, cfg.Capacity, cfg.PageTokens = level, 100, 8
	s := newSequence(t, d, F32, cfg)
	for range 8 {
		s.step(9)
	}
	s.rows[0][0] = s.rows[0][0][:len(s.rows[0][0]):len(s.rows[0][0])]
	in := s.inspected()
	got, err := s.seq.Importance()
	require.NoError(t, err)
	require.Len(t, got, len(in.Bits[0]))
	for lg := range got {
		require.Len(t, got[lg], in.Stored)
		for token, importance := range got[lg] {
			want := float32(-1)
			for group := range in.Groups {
				want = max(want, s.weightOf(shaders.Value, lg, group, token))
			}
			require.Equal(t, want, importance, "layer group %d, token %d", lg, token)
		}
	}
}

// A policy that looks at no importance has none, and errors are as documented.
func TestInspectWithoutImportance(t *testing.T) {
	cfg := small
	cfg.Policy, cfg.OutlierFraction = policy.Uniform{KeyBits: 3, ValueBits: 2}, 0.01
	s := newSequence(t, cpu(t), F32, cfg)
	s.step(30)
	s.inspected()
	got, err := s.seq.Importance()
	require.NoError(t, err)
	require.Nil(t, got)
	for _, c := range []struct {
		k     shaders.Kind
		layer int
		bits  uint8
	}{{2, 0, 4}, {0, -1, 4}, {0, 2, 4}, {0, 0, 9}, {0, 0, 15}, {0, 0, 17}} {
		_, err = s.c.GroupBytes(c.k, c.layer, c.bits)
		require.ErrorIs(t, err, ErrRange)
	}
	require.NoError(t, s.seq.Drop())
	require.ErrorIs(t, s.seq.Inspect(&Inspection{}), ErrUnknownSequence)
	_, err = s.seq.Importance()
	require.ErrorIs(t, err, ErrUnknownSequence)
}

// Shares of the mean: what is read back gives the levels that the kernels chose.
func TestInspectCalibrated(t *testing.T) {
	testInspectCalibrated(t, cpu(t), 0)
}

func TestInspectCalibratedOnVulkanAndReference(t *testing.T) {
	testInspectCalibrated(t, openLLVMpipe(t, "both:llvmpipe"), 0)
}

// The importance of a text that is longer than the download buffer comes in parts.
func TestInspectInParts(t *testing.T) { testInspectCalibrated(t, cpu(t), 50) }

func testInspectCalibrated(t *testing.T, d device.Device, words int) {
	s := newSequence(t, d, F16, calibratedConfig(3, 2, 32, 32))
	for range 40 {
		s.step(3)
	}
	_, err := s.seq.Adapt(t.Context())
	require.NoError(t, err)
	in := s.inspected()
	require.Equal(t, in.Bits[0], in.Bits[1], "K and V have the same levels")
	resize(t, s.c.work.Device, &s.c.work.Out, words, device.Download)
	got, err := s.seq.Importance()
	require.NoError(t, err)
	first, floor, followed := s.cfg.Profile.Importance.First, float64(s.cfg.Profile.Importance.Floor), 0
	for layer := range got {
		require.Len(t, got[layer], in.Stored)
		for token, share := range got[layer] {
			level := in.Bits[0][layer][token]
			if token < first || share < 0 || level == shaders.Raw {
				continue
			}
			octaves := math.Log2((float64(share) + floor) / (1 + floor)) // a level each, 3 at 1
			require.InDelta(t, min(max(octaves+3, 0), 9), level, 0.51, "layer %d, token %d: share %v", layer, token, share)
			followed++
		}
	}
	require.Greater(t, followed, 100)
}
