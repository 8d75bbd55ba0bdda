package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kept runs a decision over the importance of all stored tokens and names those
// that are kept.
func kept(w Weigher, tokens int, state []uint32, importance ...float32) (list []int) {
	call := Weighing{Tokens: tokens, Weights: importance, State: state}
	w.Weigh(&call)
	for t, weight := range call.Weights {
		if weight < 0 {
			list = append(list, t)
		}
	}
	return list
}

func TestH2OKeepsHeavyHittersAndRecentTokens(t *testing.T) {
	h, state := H2O{Budget: 4}, make([]uint32, 9)
	assert.Equal(t, []int{0, 1, 2, 3}, kept(h, 4, state[:4], .1, .3, .2, .1), "within the budget")
	assert.Equal(t, []int{1, 2, 4, 5}, kept(h, 6, state[:6], .1, .05, .2, .05, .1, .2), "sums .2, .35, .4, .15: the newest two stay")
	assert.Equal(t, []int{1, 2}, kept(h, 8, state[:6], .9, .1, .1, .9, .1, .1), "two that are not stored are the recent ones; what is evicted stays so")
	assert.Equal(t, []int{2, 5, 7, 8}, kept(H2O{Budget: 4}, 9, []uint32{8: 0}, 0, 0, .3, .1, 0, .1, 0, .2, .1), "of equal sums the newer")
	assert.Equal(t, []int{0, 1, 2, 3}, kept(h, 6, make([]uint32, 4), -1, -1, -1, -1), "too few queries saw them")
}

func TestScissorhandsKeepsWhatPersists(t *testing.T) {
	s, state := Scissorhands{Budget: 3, Recent: 1, History: 2}, make([]uint32, 6)
	assert.Equal(t, []int{0, 1, 2}, kept(s, 3, state[:3], .9, .1, .1), "within the budget")
	assert.Equal(t, []uint32{0, 1, 1}, state[:3], "tokens below the mean of 1/3")
	assert.Equal(t, []int{0, 2, 3}, kept(s, 4, state[:4], .1, .2, .9, .1), "counts 1, 2, 1: the newest stays")
	assert.Equal(t, []int{2, 3, 4}, kept(s, 5, state[:5], .1, .9, .1, .3, 0), "0 was low twice of two, 2 not for the last two")
	assert.Equal(t, []uint32{scissorhandsEvicted, scissorhandsEvicted, 1, 2, 1}, state[:5])
	assert.Equal(t, []int{3, 4, 5}, kept(s, 6, state, .9, .9, .1, .1, .9, .1), "what is evicted stays so")
	assert.Equal(t, []int{3, 4, 5}, kept(s, 6, make([]uint32, 6), 0, 0, 0, 0, 0, 0), "of equal counts the older go")
}

func TestEvictingPoliciesRefuse(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		want   string
	}{
		{H2O{}, "backend: h2o: budget of 0 tokens: must be at least 1: bad cache configuration"},
		{Scissorhands{Budget: -1, History: 1}, "backend: scissorhands: budget of -1 tokens: must be at least 1: bad cache configuration"},
		{Scissorhands{Budget: 4, Recent: 5, History: 1}, "backend: scissorhands: 5 recent tokens: must be 0..4, the budget: bad cache configuration"},
		{Scissorhands{Budget: 4, History: 32}, "backend: scissorhands: history of 32 decisions: must be 1..31: bad cache configuration"},
	} {
		cfg := small
		cfg.Policy = c.policy
		_, err := New(cpu(t), cfg)
		require.ErrorIs(t, err, ErrConfig)
		require.EqualError(t, err, c.want)
	}
}

// custom is a policy with weights of its own that is no Weigher.
type custom struct{ None }

func (custom) Rule(Kind) Rule { return Rule{MaxBits: 8, Weight: WeightCustom} }

func TestCustomWeightsNeedAWeigher(t *testing.T) {
	cfg := small
	cfg.Policy = custom{}
	_, err := New(cpu(t), cfg)
	require.EqualError(t, err, "backend: policy none: custom weights for k: it must be a Weigher: bad cache configuration")
	require.ErrorIs(t, err, ErrConfig)
}

func TestEvictionKeepsTheBudget(t *testing.T) {
	for _, p := range []Policy{H2O{Budget: 40}, Scissorhands{Budget: 40, Recent: 10, History: 8}} {
		for _, level := range []Level{LevelHead, LevelLayer, LevelToken} {
			t.Run(p.Name()+" "+level.String(), func(t *testing.T) { testEviction(t, cpu(t), p, level) })
		}
	}
}

func TestEvictionOnVulkanAndReference(t *testing.T) {
	testEviction(t, openVulkan(t, "both:llvmpipe"), H2O{Budget: 40}, LevelHead)
}

func testEviction(t *testing.T, d Device, p Policy, level Level) {
	cfg := Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 256, Level: level, Policy: p, AdaptEvery: -1, Sequences: 2}
	s := newSequence(t, d, F32, cfg)
	for range 8 {
		s.step(16)
		s.adapt()
		s.requireRows(F32)
	}
	g := &s.c.geo
	for unit := range g.units {
		for i := range g.tokenGroups {
			var raw int
			for token := range s.seq.stored {
				p := pageID{Key, unit, token / g.pageTokens}
				group := token%g.pageTokens*g.tokenGroups + i
				k, v := s.seq.store.pageBits(p)[group], s.seq.store.pageBits(pageID{Value, unit, p.chunk})[group]
				require.Equal(t, k, v, "K and V go together")
				require.Contains(t, []uint8{0, rawBits}, k)
				raw += int(k) / rawBits
			}
			require.Equal(t, 40-(s.seq.tokens-s.seq.stored), raw, "the recent window counts")
		}
	}
	require.Zero(t, s.seq.moves.Promoted)
	f := s.fork()
	before := s.seq.store.bits
	f.step(32)
	f.adapt()
	f.requireRows(F32)
	require.Equal(t, before, s.seq.store.bits)
	f.rollback(40)
	for _, r := range f.seq.remembered[Key] {
		for _, state := range r.state {
			require.Len(t, state, f.seq.stored)
		}
	}
	require.Len(t, s.seq.remembered[Value][0].state[0], s.seq.stored, "a fork goes its own way")
	for range 5 {
		f.step(16)
		f.adapt()
	}
	f.requireRows(F32)
	require.NoError(t, s.seq.Drop())
}

// counting tells how often it was asked about a group.
type counting struct{ Uniform }

func (counting) Rule(Kind) Rule { return Rule{MaxBits: 8, Weight: WeightCustom} }

func (counting) Limit(Kind, int, int, int) float64 { return 1 }

func (counting) Weigh(w *Weighing) {
	for t := range w.State {
		w.State[t]++
	}
}

func TestPolicyIsAskedOnceADecision(t *testing.T) {
	cfg := small
	cfg.Policy, cfg.Capacity = counting{}, 128
	s := newSequence(t, cpu(t), F32, cfg)
	states := func(want ...uint32) {
		t.Helper()
		for k := range s.seq.remembered {
			for _, r := range s.seq.remembered[k] {
				for _, state := range r.state {
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
	d := &failing{Device: s.c.dev, buffers: -1, submits: 6, err: errBroken}
	s.c.dev = d
	require.ErrorIs(t, s.seq.Step(context.Background()), errBroken)
	s.c.dev = d.Device
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
