package view

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// run gives the steps of a recording to a live, and tells of targets that it wants.
type run struct {
	live   *Live
	steps  chan *recording.Step
	took   chan recording.Reply
	header recording.Header
}

func newRun(t *testing.T) (*run, *View) {
	r := &run{steps: make(chan *recording.Step), took: make(chan recording.Reply, 1000), header: sample(t).Header}
	r.live = NewLive(func() {})
	require.NoError(t, r.live.Begin(r.header))
	go func() {
		for s := range r.steps {
			reply, _ := r.live.Step(s)
			r.took <- reply
		}
	}()
	t.Cleanup(func() { close(r.steps) })
	v := New(r.live)
	v.Poll()
	return r, v
}

func (r *run) requireHeld(t *testing.T) {
	select {
	case <-r.took:
		require.Fail(t, "the run went on")
	case <-time.After(50 * time.Millisecond):
	}
}

func (r *run) goesOn(t *testing.T) recording.Reply {
	select {
	case reply := <-r.took:
		return reply
	case <-time.After(time.Minute):
		require.Fail(t, "the run is held")
	}
	return recording.Reply{}
}

func TestLiveHoldsTheRun(t *testing.T) {
	steps := sample(t).Steps
	r, v := newRun(t)
	require.Equal(t, "generating", v.status.Doing)
	r.steps <- steps[0]
	require.Zero(t, r.goesOn(t).Paused)
	v.Char(' ')
	r.steps <- steps[1]
	r.requireHeld(t)
	v.Poll()
	require.Equal(t, "paused", v.status.Doing)
	require.Len(t, v.state.Steps, 2, "what there is is shown")
	v.Char('.')
	require.Positive(t, r.goesOn(t).Paused)
	r.steps <- steps[2]
	r.requireHeld(t)
	v.Poll()
	v.Char(' ')
	require.Positive(t, r.goesOn(t).Paused)
	v.Poll()
	v.Char(' ')
	r.steps <- steps[3]
	r.requireHeld(t)
	r.live.Close()
	r.goesOn(t)
	r.steps <- steps[4]
	require.Zero(t, r.goesOn(t).Paused, "nobody looks")
	r.live.Over("finished")
	v.Poll()
	require.Equal(t, "finished", v.status.Doing)
}

// A target that is wanted reaches a run that is held; keys add up until it is there.
func TestLiveRetargets(t *testing.T) {
	steps := sample(t).Steps
	r, v := newRun(t)
	r.steps <- steps[0]
	r.goesOn(t)
	v.Poll()
	v.Char(' ')
	r.steps <- steps[1]
	r.requireHeld(t)
	v.Poll()
	live := steps[1].Live
	v.Char('[')
	want := recording.Target{Budget: live - live/20}
	got := r.goesOn(t)
	require.InDelta(t, want.Budget, got.Target.Budget, 1)
	v.Char('[')
	require.InDelta(t, float64(want.Budget)*.95, float64(v.wanted.Budget), 2)

	answer := *steps[1]
	answer.Tokens, answer.Runs, answer.Target, answer.Note = nil, nil, got.Target, "too small"
	r.steps <- &answer
	require.NotNil(t, r.goesOn(t).Target, "the second one")
	v.Poll()
	require.Nil(t, v.wanted)
	require.Equal(t, "too small", v.state.Note)
	require.Equal(t, *got.Target, v.state.Target)
	v.Char(']')
	require.InDelta(t, float64(got.Target.Budget)*1.05, float64(v.wanted.Budget), 2)
	v.Char('b')
	require.Zero(t, v.wanted.Budget)

	v.state.Levels, v.state.Target, v.wanted = false, recording.Target{KeyError: 1, ValueError: 2}, nil
	v.Char('[')
	require.InDelta(t, 1.4142, v.wanted.KeyError, 1e-4)
	v.Char(']')
	v.Char(']')
	require.InDelta(t, 1.4142, v.wanted.ValueError, 1e-4)
}
