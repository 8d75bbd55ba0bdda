package session

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/recording"
	"github.com/qaqvk/qaqvk/internal/report"
)

// spy keeps what it is told, and replies as a test wants.
type spy struct {
	state *recording.State
	end   *recording.End
	reply func(*recording.Step) (recording.Reply, error)
}

func (s *spy) Begin(h recording.Header) error {
	s.state = recording.NewState(&h)
	return nil
}

func (s *spy) Step(step *recording.Step) (recording.Reply, error) {
	if err := s.state.Apply(step); err != nil {
		return recording.Reply{}, err
	}
	if s.reply == nil {
		return recording.Reply{}, nil
	}
	return s.reply(step)
}

func (s *spy) End(e *recording.End) error {
	s.end = e
	return nil
}

func watch(t *testing.T, o Options, s *spy) (*report.Run, error) {
	d, err := device.Open("cpu", device.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return Run(t.Context(), d, o, UI{Text: func(string) {}, Progress: func(string, int, int) {}, Note: func(string) {}, Watch: []recording.Watcher{s}})
}

// qaq are options of a run whose bits change.
func qaq(t *testing.T) Options {
	o := full(t, 60)
	o.Policy, o.Alpha, o.BitsMin, o.BitsMax, o.KeyError, o.ValueError = "qaq", 0.01, 1, 8, 0.05, 0.005
	o.Exact, o.HostBudget = true, 1<<24
	return o
}

// What watchers are told adds up to what the report says.
func TestWatchersSeeTheRun(t *testing.T) {
	o, s := qaq(t), &spy{}
	o.Compare = true
	r, err := watch(t, o, s)
	require.NoError(t, err)
	st := s.state
	require.Equal(t, []string{"cpu", "cpuref", "qaq", r.Model, r.Setting}, []string{st.Device, st.Driver, st.Policy, st.Model, st.Setting})
	require.Len(t, st.Tokens, contextTokens-1, "the last token is not in the cache")
	require.Equal(t, contextTokens-60, st.Prompt)
	var text strings.Builder
	for _, token := range st.Tokens {
		text.WriteString(token.Text)
	}
	require.Contains(t, text.String(), strings.Repeat("z", 300))
	require.Equal(t, r.Histogram.K[:], st.Histogram[0][:])
	require.Equal(t, r.Histogram.V[:], st.Histogram[1][:])
	last := st.Steps[len(st.Steps)-1]
	require.Equal(t, []int64{r.Bytes.Live, r.Bytes.Committed, r.Bytes.F16, r.Moves.Promoted, r.Moves.Demoted},
		[]int64{last.Live, last.Committed, last.F16, last.Promoted, last.Demoted})
	require.Positive(t, r.Moves.Promoted+r.Moves.Demoted)
	bytes := 0.0
	for token := range st.Stored {
		bytes += st.TokenBytes(recording.Both, token)
	}
	require.InDelta(t, r.Bytes.Stored, bytes, 1)
	require.NotEmpty(t, st.Importance)
	require.InDelta(t, st.Rate(), st.RateAt(len(st.Samples)-1), 0)
	require.Equal(t, []float64{r.TokensPerS.Prefill, r.TokensPerS.Decode, r.Quality.KLD}, []float64{s.end.Prefill, s.end.Decode, *s.end.KLD})
}

// A change of the target moves bits before the next token; one that is refused is
// given up and told of.
func TestWatchersChangeTheTarget(t *testing.T) {
	o, s, asked := qaq(t), &spy{}, 0
	first := recording.Target{KeyError: o.KeyError, ValueError: o.ValueError}
	wide := recording.Target{KeyError: 1, ValueError: 0.5}
	s.reply = func(step *recording.Step) (recording.Reply, error) {
		if len(s.state.Tokens) < contextTokens-30 {
			return recording.Reply{}, nil
		}
		switch asked++; asked {
		case 1:
			return recording.Reply{Target: &wide}, nil
		case 2:
			require.Empty(t, step.Tokens)
			require.Equal(t, &wide, step.Target)
			require.Empty(t, step.Note)
			require.Greater(t, step.Demoted, s.state.Steps[len(s.state.Steps)-2].Demoted+1000)
			return recording.Reply{Target: &recording.Target{KeyError: -1, ValueError: 1}}, nil
		case 3:
			require.Equal(t, &wide, step.Target)
			require.Contains(t, step.Note, "target error -1 for k: must be above 0")
			return recording.Reply{Target: &first}, nil
		}
		return recording.Reply{}, nil
	}
	r, err := watch(t, o, s)
	require.NoError(t, err)
	require.Equal(t, 60, r.Tokens.Generated)
	require.Greater(t, asked, 3)
	require.Equal(t, first, s.state.Target)
}

// Time that a watcher holds the run for is no time of the run.
func TestPausesAreLeftOut(t *testing.T) {
	o, s, paused := full(t, 12), &spy{}, time.Duration(0)
	s.reply = func(*recording.Step) (recording.Reply, error) {
		began := time.Now()
		time.Sleep(40 * time.Millisecond)
		took := time.Since(began)
		paused += took
		return recording.Reply{Paused: took}, nil
	}
	began := time.Now()
	r, err := watch(t, o, s)
	require.NoError(t, err)
	without := (time.Since(began) - paused).Seconds()
	require.Greater(t, paused, 900*time.Millisecond)
	require.LessOrEqual(t, r.Seconds.Decode+r.Seconds.Prefill, without+0.001)
	require.LessOrEqual(t, float64(s.state.Samples[len(s.state.Samples)-1].Micros)/1e6, without)
}

func TestWatchersEndTheRun(t *testing.T) {
	stop := errors.New("enough")
	for _, at := range []int{3, 20} {
		o, s, n := full(t, 12), &spy{}, 0
		s.reply = func(*recording.Step) (recording.Reply, error) {
			if n++; n == at {
				return recording.Reply{}, stop
			}
			return recording.Reply{}, nil
		}
		_, err := watch(t, o, s)
		require.ErrorIs(t, err, stop)
		require.Nil(t, s.end)
	}
}

func TestRuns(t *testing.T) {
	was := []byte{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	now := []byte{1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 4, 5}
	require.Equal(t, []recording.Run{{Kind: 1, Layer: 2, First: 1, Codes: []byte{2, 1, 1, 2}}, {Kind: 1, Layer: 2, First: 15, Codes: []byte{3, 4, 5}}},
		appendRuns(nil, 1, 2, was, now))
	require.Empty(t, appendRuns(nil, 0, 0, was, was))
	require.Equal(t, []recording.Run{{Codes: []byte{7}}}, appendRuns(nil, 0, 0, nil, []byte{7}))
	require.Equal(t, []recording.Run{{First: 16, Codes: []byte{9}}}, appendRuns(nil, 0, 0, was, append(was[:16:16], 9)))
}
