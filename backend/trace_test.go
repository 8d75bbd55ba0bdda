package backend

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// spans collects what a cache tells.
type spans struct {
	mu  sync.Mutex
	all []Span
}

func (s *spans) add(one Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, one)
}

// of are the spans of a track by name, in the order of their ends.
func (s *spans) of(track Track, names ...string) (list []Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		if one.Track == track && slices.Contains(names, one.Name) {
			list = append(list, one)
		}
	}
	return list
}

func (s Span) contains(o Span) bool { return !o.Start.Before(s.Start) && !o.End.After(s.End) }

// The timeline of an adaptation that is kept waiting covers the steps that go on
// meanwhile, and what the device does for a call lies within the call.
func TestTraceShowsStepsDuringAnAdaptation(t *testing.T) {
	d, seen := &gate{Device: cpu(t)}, &spans{}
	cfg := small
	cfg.AdaptEvery, cfg.Trace = 4, seen.add
	s := newSequence(t, d, F32, cfg)
	t.Cleanup(d.release)
	s.step(32)
	s.step(14)
	s.step(1)
	s.endRound()
	d.shut()
	s.step(1) // the fourth: decides
	require.True(t, s.c.adapter.InFlight(nil))
	<-d.held
	for range 3 {
		s.step(1)
	}
	d.release()
	s.c.Lists()
	s.step(1)

	steps := seen.of(Calls, "step")
	require.Len(t, steps, 8)
	for _, role := range []string{"encode", "pack"} {
		for _, one := range seen.of(CallsDevice, role) {
			require.True(t, slices.ContainsFunc(steps, func(s Span) bool { return s.contains(one) }), role)
		}
	}
	lists := seen.of(AdaptationDevice, "move", "ranges")
	i := slices.IndexFunc(lists, func(s Span) bool { return s.contains(steps[4]) })
	require.GreaterOrEqual(t, i, 0, "a list that waits while steps go on")
	require.True(t, lists[i].contains(steps[5]) && lists[i].contains(steps[6]))
	require.True(t, slices.ContainsFunc(seen.of(Adaptation, "compare"), func(s Span) bool {
		return !s.End.After(lists[i].Start) && (i == 0 || !s.Start.Before(lists[i-1].End))
	}), "compared first")
	require.Equal(t, "adaptation, device", AdaptationDevice.String())
}
