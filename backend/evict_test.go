package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// custom is a policy with weights of its own that is no HostPolicy.
type custom struct{ policy.None }

func (custom) Rule(shaders.Kind) policy.Rule {
	return policy.Rule{MaxBits: 8, Weight: policy.WeightCustom}
}

func TestCustomWeightsNeedAWeigher(t *testing.T) {
	cfg := small
	cfg.Policy = custom{}
	_, err := New(cpu(t), cfg)
	require.EqualError(t, err, "backend: policy none: custom weights for k: it must be a HostPolicy: bad cache configuration")
	require.ErrorIs(t, err, policy.ErrConfig)
}

func TestEvictionKeepsTheBudget(t *testing.T) {
	for _, p := range []policy.Policy{policy.H2O{Budget: 40}, policy.Scissorhands{Budget: 40, Recent: 10, History: 8}} {
		for _, level := range []Level{LevelHead, LevelLayer, LevelToken} {
			t.Run(p.Name()+" "+level.String(), func(t *testing.T) { testEviction(t, cpu(t), p, level) })
		}
	}
}

func TestEvictionOnVulkanAndReference(t *testing.T) {
	testEviction(t, openLLVMpipe(t, "both:llvmpipe"), policy.H2O{Budget: 40}, LevelHead)
}

func testEviction(t *testing.T, d device.Device, p policy.Policy, level Level) {
	cfg := Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 256, Level: level, Policy: p, AdaptEvery: -1, Sequences: 2}
	s := newSequence(t, d, F32, cfg)
	for range 8 {
		s.step(16)
		s.adapt()
		s.requireRows(F32)
	}
	g := s.c.work
	for unit := range g.LayerGroups {
		for i := range g.TokenGroups {
			var raw int
			for token := range s.seq.extent.Stored {
				p := pages.ID{Kind: shaders.Key, LayerGroup: unit, Page: token / g.PageTokens}
				group := token%g.PageTokens*g.TokenGroups + i
				k, v := s.seq.table.PageBits(p)[group], s.seq.table.PageBits(pages.ID{Kind: shaders.Value, LayerGroup: unit, Page: p.Page})[group]
				require.Equal(t, k, v, "K and V go together")
				require.Contains(t, []uint8{0, shaders.RawBits}, k)
				raw += int(k) / shaders.RawBits
			}
			require.Equal(t, 40-(s.seq.extent.Tokens-s.seq.extent.Stored), raw, "the recent window counts")
		}
	}
	require.Zero(t, s.seq.adapting.Moves.Promoted)
	f := s.fork()
	before := s.mirror()
	f.step(32)
	f.adapt()
	f.requireRows(F32)
	require.Equal(t, before, s.mirror())
	f.rollback(40)
	for lg := range g.LayerGroups {
		for _, state := range f.seq.memory[shaders.Key].State(lg) {
			require.Len(t, state, f.seq.extent.Stored)
		}
	}
	require.Len(t, s.seq.memory[shaders.Value].State(0)[0], s.seq.extent.Stored, "a fork goes its own way")
	for range 5 {
		f.step(16)
		f.adapt()
	}
	f.requireRows(F32)
	require.NoError(t, s.seq.Drop())
}

// counting tells how often it was asked about a group.
type counting struct{ policy.Uniform }

func (counting) Rule(shaders.Kind) policy.Rule {
	return policy.Rule{MaxBits: 8, Weight: policy.WeightCustom}
}

func (counting) Limit(shaders.Kind, int, int, int) float64 { return 1 }

func (counting) Weigh(w *policy.Weighing) {
	for t := range w.State {
		w.State[t]++
	}
}

func TestPolicyIsAskedOnceADecision(t *testing.T) {
	cfg := small
	cfg.Policy, cfg.Capacity = counting{}, 128
	d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errBroken}
	s := newSequence(t, d, F32, cfg)
	states := func(want ...uint32) {
		t.Helper()
		for _, m := range s.seq.memory {
			for lg := range s.c.work.LayerGroups {
				for _, state := range m.State(lg) {
					var got []uint32
					for chunk := 0; chunk < len(state); chunk += 16 {
						got = append(got, state[chunk])
					}
					require.Equal(t, want, got)
				}
			}
		}
	}
	s.step(30)
	states(1)
	s.adapt()
	s.adapt()
	states(1)
	s.step(1)
	s.adapt()
	states(2)
	for layer := range 2 {
		s.append(layer, 20)
		s.observe(layer, 20)
	}
	d.succeed(-1, 6)
	require.ErrorIs(t, s.seq.Step(context.Background()), errBroken)
	d.succeed(-1, -1)
	for layer := range 2 {
		s.append(layer, 1)
	}
	require.NoError(t, s.seq.Step(context.Background()))
	states(4, 2)
	require.NoError(t, s.seq.Rollback(30))
	s.forget(30)
	states(4)
	s.step(20)
	states(5, 1)
}
