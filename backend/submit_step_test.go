package backend

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

var stepCases = []struct {
	name string
	cfg  Config
}{
	{"uniform", Config{Layers: 2, KVHeads: 2, HeadDim: 32, OutlierFraction: 0.03, Policy: policy.Uniform{KeyBits: 3, ValueBits: 4}}},
	{"none", Config{Layers: 2, KVHeads: 2, HeadDim: 32}},
	{"qaq", Config{Layers: 2, KVHeads: 2, HeadDim: 32, OutlierFraction: 0.07, Policy: testQAQ(policy.Paper)}},
	{"qaq, layer, reserve", Config{Layers: 3, KVHeads: 2, HeadDim: 32, Level: LevelLayer, Policy: testQAQ(policy.Paper), Reserve: 1 << 20}},
	{"qaq, token", Config{Layers: 2, KVHeads: 2, HeadDim: 32, Level: LevelToken, OutlierFraction: 0.07, Policy: testQAQ(policy.Paper)}},
	{"h2o", Config{Layers: 2, KVHeads: 2, HeadDim: 32, Policy: policy.H2O{Budget: 20}}},
}

// However short a submission must be, bits are the same, as pages are stored and as
// they adapt; at the shortest a submission has one page of each kind.
func TestMaxSubmitChangesNoStoredBits(t *testing.T) {
	for _, c := range stepCases {
		t.Run(c.name, func(t *testing.T) { testMaxSubmitOfSteps(t, cpu(t), c.cfg) })
	}
	t.Run("llvmpipe", func(t *testing.T) { testMaxSubmitOfSteps(t, openLLVMpipe(t, "both:llvmpipe"), stepCases[2].cfg) })
}

func testMaxSubmitOfSteps(t *testing.T, d device.Device, cfg Config) {
	var whole *sequence
	var promoted int // lists of the first
	for _, limit := range []time.Duration{-1, time.Nanosecond, time.Millisecond, 0} {
		seen := &spans{}
		cfg.Capacity, cfg.MaxStepTokens, cfg.AdaptEvery, cfg.HostBudget, cfg.MaxSubmit, cfg.Trace = 400, 100, -1, 1<<24, limit, seen.add
		s := newSequence(t, d, F32, cfg)
		for _, n := range []int{100, 100, 1, 40} {
			s.step(n)
			s.adapt()
		}
		s.requireRows(F32)
		if whole == nil {
			whole = s
		}
		require.Equal(t, whole.mirror(), s.mirror())
		require.Equal(t, whole.counts(), s.counts())
		for layer := range cfg.Layers {
			require.Equal(t, whole.read(layer), s.read(layer))
		}
		pages := s.chunks() * s.c.work.LayerGroups
		encoded, chosen := len(seen.of(CallsDevice, "encode")), len(seen.of(AdaptationDevice, "choose_bits"))
		switch limit {
		case -1:
			require.Less(t, encoded, pages)
			promoted = len(seen.of(AdaptationDevice, "promote"))
		case time.Nanosecond:
			require.Equal(t, pages, encoded)
			require.Equal(t, !s.c.rangedScheme().Adapts(), chosen == 0)
			require.True(t, promoted == 0 || len(seen.of(AdaptationDevice, "promote")) > promoted)
			require.True(t, chosen == 0 || chosen >= (5+11+12+14)*s.c.work.LayerGroups, "%d", chosen)
		}
	}
}

// A submission stores as many pages as the time of the last ones allows.
func TestStoredPagesFollowWhatWasTimed(t *testing.T) {
	d, seen := &slow{Device: cpu(t), per: time.Millisecond}, &spans{}
	s := newSequence(t, d, F32, Config{Layers: 1, KVHeads: 1, HeadDim: 32, Capacity: 16000, PageTokens: 1, MaxStepTokens: 128, MaxSubmit: 4 * time.Millisecond, Trace: seen.add})
	settled := func(steps int) int {
		before := 0
		for range steps {
			before = len(seen.of(CallsDevice, "encode"))
			s.append(0, 128)
			require.NoError(t, s.seq.Step(t.Context()))
		}
		return len(seen.of(CallsDevice, "encode")) - before
	}
	require.Equal(t, 1, settled(4), "128 pages in a millisecond")
	d.per = 3 * time.Millisecond
	require.Equal(t, 1, settled(8), "three are allowed")
	d.per = 50 * time.Millisecond
	require.Equal(t, 128, settled(8), "however few, they take longer than allowed")
	d.per = 4 * time.Millisecond / 256
	require.Equal(t, 1, settled(16), "short again")
}

// A step that is cancelled between submissions keeps its tokens in the recent window;
// the next one stores them.
func TestCancelledStoring(t *testing.T) {
	cfg := Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 100, MaxStepTokens: 80, Policy: policy.Uniform{KeyBits: 3, ValueBits: 4}, MaxSubmit: 1}
	for _, behind := range []int{0, 1, 2, 7, 13} {
		d := &faulty{Device: cpu(t), fault: cancelled, left: -1}
		s := newSequence(t, d, F32, cfg)
		for layer := range s.cfg.Layers {
			s.append(layer, 80)
		}
		ctx, cancel := context.WithCancel(context.Background())
		d.cancel, d.left = cancel, 1+behind // of append, then of encode and pack
		err := s.seq.Step(ctx)
		require.EqualError(t, err, "backend: step: context canceled: "+ErrDeferred.Error())
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, ErrDeferred)
		require.Equal(t, 80, s.seq.Tokens())
		require.Zero(t, s.chunks())
		s.requireRows(F32)
		require.NoError(t, s.seq.Step(t.Context()))
		require.Equal(t, 4, s.chunks())
		s.requireRows(F32)
		cancel()
	}
}

// The case that was one submission of seconds: a long step of groups whose outliers
// take long to find. Allowed a sixteenth of what the driver took for them, submissions
// are more, whatever else the machine does.
func TestVulkanLongStoringIsSplit(t *testing.T) {
	cfg := Config{Layers: 4, KVHeads: 8, QueryHeads: 32, HeadDim: 64, Capacity: 3 * 256, MaxStepTokens: 256, Level: LevelLayer,
		OutlierFraction: 0.01, Policy: policy.Uniform{KeyBits: 3, ValueBits: 3}, MaxSubmit: -1}
	fewest, longest := storing(t, cfg) // as many as their room
	cfg.MaxSubmit = longest / 16
	submits, _ := storing(t, cfg)
	require.Greater(t, submits, 2*fewest)
}

// storing are the submissions that store a step on llvmpipe, and the time of the longest.
func storing(t *testing.T, cfg Config) (submits int, longest time.Duration) {
	seen := &spans{}
	cfg.Trace = seen.add
	s := newSequence(t, openLLVMpipe(t, "llvmpipe"), F32, cfg)
	rows := RowsF32(s.values(cfg.MaxStepTokens))
	return seen.quickest("encode", func() {
		for layer := range cfg.Layers {
			require.NoError(t, s.seq.Append(layer, rows, rows))
		}
		require.NoError(t, s.seq.Step(t.Context()))
	})
}

// quickest makes a call three times, as the first ones have their pipelines made and are
// timed, and returns the number and the time of the longest of its submissions of a name,
// of the call whose longest was the shortest.
func (s *spans) quickest(name string, call func()) (submits int, longest time.Duration) {
	for range 3 {
		before, most := len(s.of(CallsDevice, name)), time.Duration(0)
		call()
		list := s.of(CallsDevice, name)[before:]
		for _, one := range list {
			most = max(most, one.End.Sub(one.Start))
		}
		if submits == 0 || most < longest {
			submits, longest = len(list), most
		}
	}
	return submits, longest
}
