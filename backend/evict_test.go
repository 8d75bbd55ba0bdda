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

// Attention of a cache that evicts is attention with the evicted tokens left out,
// whatever codes the others have; what is out gets no importance, has no bytes but
// its range, and comes back only where the policy recalls it.
func TestEvictedTokensTakeNoPartInAttention(t *testing.T) {
	for _, c := range []struct {
		policy policy.Policy
		level  Level
		device string
	}{
		{policy.H2O{Budget: 40}, LevelHead, "cpu"},
		{policy.H2O{Budget: 40}, LevelHead, "both:llvmpipe"},
		{policy.H2O{Budget: 40, Recall: true}, LevelLayer, "cpu"},
		{policy.Scissorhands{Budget: 40, Recent: 10, History: 8}, LevelToken, "cpu"},
		{policy.Scissorhands{Budget: 30, Recent: 10, History: 8, Recall: true}, LevelHead, "cpu"},
		{evictingSome{}, LevelHead, "both:llvmpipe"},
	} {
		t.Run(c.policy.Name()+" "+c.level.String()+" "+c.device, func(t *testing.T) {
			d := device.Device(nil)
			if d = cpu(t); c.device != "cpu" {
				d = openLLVMpipe(t, c.device)
			}
			s := newSequence(t, d, F32, Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 256, Level: c.level,
				Policy: c.policy, AdaptEvery: 1, Synchronous: true, HostBudget: 1 << 24})
			for range 8 {
				for layer := range 2 {
					s.append(layer, 16)
					q := s.queries(16)
					want := s.exactAttention(layer, q, AttendOptions{SoftCap: 20})
					require.Less(t, relative(s.attend(layer, q, AttendOptions{SoftCap: 20}), want), 1e-5)
				}
				require.NoError(t, s.seq.Step(t.Context()))
			}
			st := s.seq.Stats()
			require.Equal(t, st.K.Histogram[shaders.Evicted], st.K.Evicted)
			require.Positive(t, st.K.Evicted)
			require.Equal(t, st.K.Evicted, st.V.Evicted)
			out, err := s.seq.Evicted(0)
			require.NoError(t, err)
			require.Contains(t, out, true)
			if _, free := c.policy.(evictingSome); !free {
				require.Less(t, 4*s.seq.table.Words(), int64(4*40*2*2*2*(32+2)*4), "what is kept, and ranges")
			}
		})
	}
}

// evictingSome evicts every third token, keeps every third, and gives the others
// no bits: they take part with the middle of their range.
type evictingSome struct{ policy.Uniform }

func (evictingSome) Rule(shaders.Kind) policy.Rule {
	return policy.Rule{MaxBits: 8, Weight: policy.WeightCustom}
}

func (evictingSome) Limit(shaders.Kind, int, int, int) float64 { return 1 }

func (evictingSome) Weigh(w *policy.Weighing) {
	for t := range w.Weights {
		w.Weights[t] = [...]float32{policy.Evict, policy.Keep, 0}[t%3]
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
				require.Contains(t, []uint8{shaders.Evicted, shaders.Raw}, k)
				raw += int(k) / shaders.Raw
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
		for _, state := range f.seq.ranged().memory[shaders.Key].State(lg) {
			require.Len(t, state, f.seq.extent.Stored)
		}
	}
	require.Len(t, s.seq.ranged().memory[shaders.Value].State(0)[0], s.seq.extent.Stored, "a fork goes its own way")
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
		for _, m := range s.seq.ranged().memory {
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
