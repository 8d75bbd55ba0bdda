package backend

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// slow is a device on which the lists of attention are said to take as long as told.
type slow struct {
	device.Device
	per time.Duration // a list
}

type slowTicket struct {
	device.Ticket
	per time.Duration
}

func (d *slow) Submit(l *device.List) (device.Ticket, error) {
	t, err := d.Device.Submit(l)
	if err != nil {
		return nil, err
	}
	return slowTicket{t, d.per}, nil
}

func (t slowTicket) Times() map[string]time.Duration { return map[string]time.Duration{"score": t.per} }

// submits are the submissions of a call.
func (s *sequence) submits(call func()) int64 {
	before := s.c.Stats().Submits
	call()
	return s.c.Stats().Submits - before
}

// However short a submission must be, bits are the same, of what is attended and of
// importance.
func TestMaxSubmitChangesNoBits(t *testing.T) {
	for _, c := range attendCases {
		t.Run(c.name, func(t *testing.T) { testMaxSubmit(t, cpu(t), c.cfg, c.o) })
	}
	t.Run("llvmpipe", func(t *testing.T) {
		testMaxSubmit(t, openLLVMpipe(t, "llvmpipe"), attendCases[0].cfg, attendCases[0].o)
	})
}

func testMaxSubmit(t *testing.T, d device.Device, cfg Config, o AttendOptions) {
	var whole *sequence
	for _, limit := range []time.Duration{-1, time.Nanosecond, time.Millisecond, 0} {
		cfg.Capacity, cfg.MaxStepTokens, cfg.MaxSubmit, cfg.Synchronous = 700, 40, limit, true
		s := newSequence(t, d, F32, cfg)
		if whole == nil {
			whole = s
		}
		for _, n := range []int{40, 40, 1, 40} {
			s.attendAs(whole, n, o)
		}
	}
}

// attendAs is a step of n tokens with attention, which must be that of another
// sequence that has done so.
func (s *sequence) attendAs(whole *sequence, n int, o AttendOptions) {
	for layer := range s.cfg.Layers {
		s.append(layer, n)
		q := s.queries(n)
		var got []float32
		submits := s.submits(func() { got = s.attend(layer, q, o) })
		switch s.cfg.MaxSubmit {
		case -1:
			require.Equal(s.t, int64(1), submits)
		case time.Nanosecond:
			require.Equal(s.t, int64(n*s.cfg.KVHeads), submits, "one for each query of a KV head")
		}
		s.seen = nil
		s.probs[layer] = append(s.probs[layer], got)
		require.Equal(s.t, whole.probs[layer][len(s.probs[layer])-1], got)
		if s.keepsImportance() {
			require.Equal(s.t, whole.seq.ranged().importance.Held(layer), s.seq.ranged().importance.Held(layer))
		}
	}
	require.NoError(s.t, s.seq.Step(s.t.Context()))
	for layer := 0; layer < s.cfg.Layers && s.keepsImportance() && s.tokens(0) == whole.tokens(0); layer++ {
		require.Equal(s.t, whole.importance(layer), s.importance(layer))
	}
}

// keepsImportance tells whether the sequence has rows of importance.
func (s *sequence) keepsImportance() bool {
	r, ok := s.c.scheme.(*ranged)
	return ok && r.layout.Kept
}

// A submission is as long as its work was timed, and lists are recorded anew only
// where that changed by much.
func TestSubmissionsFollowWhatWasTimed(t *testing.T) {
	d := &slow{Device: cpu(t), per: time.Millisecond}
	s := newSequence(t, d, F32, Config{Layers: 1, KVHeads: 4, QueryHeads: 8, HeadDim: 32, Capacity: 256, MaxSubmit: 4 * time.Millisecond})
	for range 7 {
		s.step(32)
	}
	q := s.queries(32)
	attend := func() int64 { return s.submits(func() { s.attend(0, q, AttendOptions{}) }) }
	settled := func(times int) (n int64) {
		for range times {
			n = attend()
		}
		before := s.seq.attends[0].Recordings
		for range 4 {
			require.Equal(t, n, attend())
		}
		require.Equal(t, before, s.seq.attends[0].Recordings)
		return n
	}
	require.Equal(t, int64(2), settled(8), "a millisecond each, and they stay two within a factor of four")
	d.per = 3 * time.Millisecond
	require.Equal(t, int64(2), settled(8), "three are allowed")
	d.per = 50 * time.Millisecond
	require.Equal(t, int64(4*32), settled(40), "however small, they take longer than allowed")
	d.per = 4 * time.Millisecond / 256
	require.Equal(t, int64(1), settled(40), "short again")
}

// A call of many small submissions needs more room for frames than any before; lists
// that have the old one are recorded anew.
func TestListsFollowTheRoomForFrames(t *testing.T) {
	d := &slow{Device: cpu(t), per: time.Microsecond}
	s := newSequence(t, d, F32, Config{Layers: 2, KVHeads: 4, QueryHeads: 8, HeadDim: 32, Capacity: 256, MaxSubmit: 4 * time.Millisecond})
	s.step(32)
	few, many := s.queries(1), s.queries(32)
	want := s.attend(0, few, AttendOptions{})
	d.per = time.Second
	for range 4 {
		s.attend(1, many, AttendOptions{})
	}
	d.per = time.Microsecond
	for range 40 {
		s.attend(1, many, AttendOptions{})
	}
	require.Equal(t, want, s.attend(0, few, AttendOptions{}))
	require.Equal(t, 2, s.seq.attends[0].Recordings)
}

// A call that is cancelled between submissions changed nothing but the importance
// of its queries, which is lost; repeated, it is what it would have been.
func TestCancelledAttend(t *testing.T) {
	for _, behind := range []int{0, 1, 5, 11} {
		d := &faulty{Device: cpu(t), fault: cancelled, left: -1}
		cfg := Config{Layers: 1, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 100, Policy: testQAQ(policy.Paper), Queries: 3, MaxSubmit: 1}
		s := newSequence(t, d, F32, cfg)
		s.step(20)
		s.attend(0, s.queries(4), AttendOptions{})
		held := s.importance(0)
		s.append(0, 6)
		q, out := s.queries(6), make([]float32, 6*4*32)
		ctx, cancel := context.WithCancel(context.Background())
		d.cancel, d.left = cancel, behind
		submits := s.submits(func() {
			err := s.seq.Attend(ctx, 0, RowsF32(q), RowsF32(out), AttendOptions{})
			if behind < 11 {
				require.EqualError(t, err, "backend: attend: context canceled")
				require.ErrorIs(t, err, context.Canceled)
				return
			}
			require.NoError(t, err, "the last one was submitted already")
		})
		require.Equal(t, int64(behind+1), submits)
		if behind < 11 {
			require.Equal(t, make([]float32, len(out)), out)
		}
		switch {
		case behind < 6: // the first three queries, two KV heads each, are none of those recorded
			require.Equal(t, held, s.importance(0)[:len(held)])
		default:
			require.Equal(t, 3, s.seq.ranged().importance.Held(0))
		}
		require.Error(t, s.seq.Attend(ctx, 0, RowsF32(q), RowsF32(out), AttendOptions{}))
		want := s.attend(0, q, AttendOptions{})
		require.Less(t, relative(want, s.exactAttention(0, q, AttendOptions{})), 1e-5)
		require.NoError(t, s.seq.Step(t.Context()))
		s.requireRows(F32)
	}
}

// The case that was one submission of seconds: many queries over a long cache. Allowed
// a sixteenth of what the driver took for it as a whole, it is several submissions,
// whatever else the machine does.
func TestVulkanLongAttendIsSplit(t *testing.T) {
	const tokens, step = 768, 128 // tiles that compile fast
	cfg := Config{Layers: 1, KVHeads: 8, QueryHeads: 32, HeadDim: 64, Capacity: tokens, MaxStepTokens: step, Policy: policy.Uniform{KeyBits: 3, ValueBits: 3}, MaxSubmit: -1}
	submits, whole := attending(t, cfg)
	require.Equal(t, 1, submits)
	cfg.MaxSubmit = whole / 16
	submits, _ = attending(t, cfg)
	require.Greater(t, submits, 4)
}

// attending are the submissions that attend a step's queries on llvmpipe, and the time
// of the longest.
func attending(t *testing.T, cfg Config) (submits int, longest time.Duration) {
	seen := &spans{}
	cfg.Trace = seen.add
	s := newSequence(t, openLLVMpipe(t, "llvmpipe"), F32, cfg)
	for range cfg.Capacity / cfg.MaxStepTokens {
		rows := RowsF32(s.values(cfg.MaxStepTokens))
		require.NoError(t, s.seq.Append(0, rows, rows))
		require.NoError(t, s.seq.Step(t.Context()))
	}
	q := RowsF32(make([]float32, cfg.MaxStepTokens*cfg.QueryHeads*cfg.HeadDim))
	return seen.quickest("attend", func() {
		require.NoError(t, s.seq.Attend(t.Context(), 0, q, q, AttendOptions{SkipImportance: true}))
	})
}
