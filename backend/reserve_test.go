package backend

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// A reserve of any size, in any number of segments, changes nothing but where
// pages lie. Too small a one gathers its room and leaves the rest to others.
func TestSequencesInAReserve(t *testing.T) {
	gathered := 0
	for _, c := range cacheCases {
		for _, words := range []int{1, 14000, 18000, 22000, 1 << 18} {
			for _, parts := range []int{1, 5} {
				t.Run(fmt.Sprintf("%s/%d/%d", c.name, words, parts), func(t *testing.T) {
					cfg := c.cfg
					cfg.Capacity, cfg.MaxStepTokens, cfg.AdaptEvery, cfg.HostBudget, cfg.Sequences = 120, 20, -1, 1<<22, 2
					cfg.Reserve = int64(4 * words)
					cfg.reserveSegments = parts
					s := newSequence(t, cpu(t), c.appended, cfg)
					f := s.live()
					if f.c.Lists()["compact"] != nil {
						gathered++
					}
					f.requireReserve(parts)
				})
			}
		}
	}
	require.Greater(t, gathered, 10)
}

// What every kernel writes in a reserve, and what gathering its room leaves there,
// is compared with the reference.
func TestReserveOnVulkanAndReference(t *testing.T) {
	cfg := cacheCases[0].cfg
	cfg.Capacity, cfg.MaxStepTokens, cfg.AdaptEvery, cfg.HostBudget, cfg.Sequences = 120, 20, -1, 1<<22, 2
	cfg.Reserve = 4 * 18000
	f := newSequence(t, openLLVMpipe(t, "both:llvmpipe"), cacheCases[0].appended, cfg).live()
	require.NotNil(t, f.c.Lists()["compact"])
	f.requireReserve(1)
}

// A reserve is in as few segments as kernels see as a whole.
func TestReserveBeyondAView(t *testing.T) {
	cfg := small
	cfg.Capacity, cfg.Reserve = 3000, 3<<18+5
	s := newSequence(t, &narrow{cpu(t), 1 << 17}, F32, cfg)
	require.Len(t, s.c.arena.Reserve(), 2)
	for _, seg := range s.c.arena.Reserve() {
		require.Equal(t, 3<<15+4, seg.Buffer.Len())
	}
	require.Equal(t, int64(8*(3<<15+4)), s.c.Stats().Bytes.Reserve)
	s.step(32)
	s.step(30)
	st := s.seq.Stats()
	require.Equal(t, 2, st.Segments, "one for each layer")
	require.Equal(t, int64(4*(s.seq.table.Words()+int64(s.seq.window.Ring.Len()+s.c.scheme.importanceWords())))+st.Bytes.Slack, st.Bytes.Committed)
	require.Less(t, st.Bytes.Slack, int64(16*st.Pages), "alignment")
	s.requireRows(F16)
}

// No more is reserved than all sequences can fill.
func TestReserveBeyondAllPages(t *testing.T) {
	cfg := small
	cfg.Capacity, cfg.Policy, cfg.Sequences, cfg.Reserve = 128, policy.None{}, 3, 1<<50
	s := newSequence(t, cpu(t), F32, cfg)
	for range 4 {
		s.step(31)
	}
	all := []*sequence{s, s.fork(), s.fork()}
	words := s.seq.table.Words()
	require.Len(t, s.c.arena.Reserve(), 1)
	require.InEpsilon(t, 3*128./112*17/16*float64(words), s.c.arena.Reserve()[0].Buffer.Len(), .01)
	for _, q := range all {
		require.NoError(t, q.seq.Drop())
	}
}

// narrow is a device whose kernels see few words of a buffer.
type narrow struct {
	device.Device
	words int
}

func (d *narrow) Limits() device.Limits {
	l := d.Device.Limits()
	l.ViewWords = d.words
	return l
}

// In a reserve that holds all pages, neither prefill nor decoding takes device
// memory, whatever adapts, and the peak is what New and NewSequence took.
func TestReserveTakesNoMemoryInSteps(t *testing.T) {
	for _, p := range []policy.Policy{policy.None{}, testQAQ(policy.Paper), policy.H2O{Budget: 120}} {
		for _, exact := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", p.Name(), exact), func(t *testing.T) { testNoMemoryInSteps(t, cpu(t), p, exact) })
		}
	}
	t.Run("llvmpipe", func(t *testing.T) { testNoMemoryInSteps(t, openLLVMpipe(t, "llvmpipe"), testQAQ(policy.Paper), false) })
}

func testNoMemoryInSteps(t *testing.T, opened device.Device, p policy.Policy, exact bool) {
	d := &failing{Device: opened, buffers: -1, submits: -1, err: errBroken}
	s := newSequence(t, d, F32, Config{Layers: 3, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 400, OutlierFraction: .07, Policy: p,
		AdaptEvery: 3, Synchronous: exact, HostBudget: 1 << 24, Reserve: 400 << 10})
	taken := d.Stats()
	d.succeed(0, -1)
	for range 4 {
		s.decode(32)
	}
	for s.seq.extent.Tokens < 390 {
		s.decode(1)
	}
	s.c.adapter.Finish(nil)
	st, now := s.c.Stats(), d.Stats()
	if !s.fixed() {
		require.Positive(t, st.Moves.Demoted)
	}
	require.Equal(t, 1, st.Segments)
	for _, kind := range []string{"buffer", "buffers", "memories"} {
		require.Equal(t, taken.Objects[kind], now.Objects[kind], kind)
	}
	require.Equal(t, []int64{taken.LiveBytes, taken.PeakBytes, taken.CommittedBytes}, []int64{now.LiveBytes, now.PeakBytes, now.CommittedBytes})
	require.Equal(t, st.Bytes.Committed+st.Bytes.Scratch, now.PeakBytes)
	s.requireRows(F32)
}

// decode takes a model step of some tokens, with attention on the device.
func (s *sequence) decode(tokens int) {
	for layer := range s.cfg.Layers {
		s.append(layer, tokens)
		s.attend(layer, s.queries(tokens), AttendOptions{})
	}
	require.NoError(s.t, s.seq.Step(s.t.Context()))
}

// Adaptations that go on while steps do find what room there is in a tight reserve:
// the rest of a batch comes later, or goes to segments outside it.
func TestAdaptDuringStepsInATightReserve(t *testing.T) {
	for words := 4000; words <= 40000; words += 4000 {
		t.Run(fmt.Sprint(words), func(t *testing.T) {
			s := newSequence(t, cpu(t), F32, Config{Layers: 3, KVHeads: 2, HeadDim: 32, Capacity: 300, OutlierFraction: .07, Policy: testQAQ(policy.Paper),
				AdaptEvery: 1, MaxStepTokens: 16, HostBudget: 1 << 24, Reserve: int64(4 * words)})
			for s.seq.extent.Tokens < 280 {
				s.step(1 + s.rng.IntN(9))
			}
			s.requireRows(F16)
			s.endRound()
			s.adapt()
			s.requireFresh()
		})
	}
}

// Pages that found no room in the reserve return to it at the end of a round that finds
// room for them, with those that a fork has too.
func TestPagesReturnToTheReserve(t *testing.T) {
	for _, steps := range []bool{false, true} {
		t.Run(fmt.Sprintf("in steps: %v", steps), func(t *testing.T) {
			cfg := small
			cfg.Capacity, cfg.Reserve, cfg.Sequences = 128, 4*10000, 3
			d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errBroken}
			first := newSequence(t, d, F32, cfg)
			s := first.fork()
			for range 4 {
				first.step(32)
			}
			for range 4 {
				s.step(32)
			}
			s.adapt()
			before := s.c.Stats()
			require.Greater(t, before.Segments, 2)
			require.NoError(t, first.seq.Drop())
			f := s.fork()
			if steps {
				s.c.adapter.Later(s.seq.adapting)
				s.c.adapter.Pump()
				s.endRound()
				s.rollback(120)
				s.step(1)
			} else {
				s.adaptAtLast(d, 3)
			}
			require.NotNil(t, s.c.Lists()["recall"])
			st := s.c.Stats()
			require.Equal(t, 1, st.Segments)
			require.Less(t, st.Bytes.Committed, before.Bytes.Committed)
			s.requireRows(F32)
			f.requireRows(F32)
			require.NoError(t, f.seq.Drop())
			s.requireReserve(1)
		})
	}
}

// adaptAtLast adapts when so many rounds have failed, each one list later than the one
// before: none loses what the cache holds.
func (s *sequence) adaptAtLast(d *failing, failed int) {
	for n := range failed {
		d.succeed(-1, n)
		_, err := s.seq.Adapt(s.t.Context())
		require.ErrorIs(s.t, err, errBroken)
		d.succeed(-1, -1)
		s.requireRows(F32)
		require.Equal(s.t, s.c.work.Device.Stats().LiveBytes, s.c.Stats().Bytes.Committed+s.c.Stats().Bytes.Staging)
	}
	s.adapt()
}

// What is demoted, promoted and missed does not depend on the room in a reserve.
func TestMovesInAnyReserve(t *testing.T) {
	var want Moves
	for _, words := range []int{0, 1000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 11000, 12000, 1 << 18} {
		t.Run(fmt.Sprint(words), func(t *testing.T) {
			cfg := small
			cfg.Capacity, cfg.HostBudget, cfg.Reserve = 120, 4*64*2*32*2, int64(4*words)
			s := newSequence(t, cpu(t), F32, cfg)
			var all Moves
			for _, n := range []int{20, 20, 20, 20, 20, 9, 9} {
				s.step(n)
				all.Add(s.adapt())
			}
			all.BytesUp, all.BytesDown = 0, 0 // of batches
			if words == 0 {
				want = all
				require.Positive(t, all.Missed)
				require.Positive(t, all.Promoted)
			}
			require.Equal(t, want, all)
			s.requireRows(F32)
		})
	}
}

// A reserve that the device does not have is named, and nothing is left of New,
// whichever buffer is not there.
func TestReserveThatIsNotThere(t *testing.T) {
	var named []string
	cfg := small
	cfg.Reserve = 10001
	for n := 0; ; n++ {
		d := &failing{Device: cpu(t), buffers: n, submits: -1, err: errBroken}
		c, err := New(d, cfg)
		if err == nil {
			c.Close()
			break
		}
		require.ErrorIs(t, err, errBroken)
		require.Zero(t, d.Stats().LiveBytes)
		named = append(named, err.Error())
	}
	require.Len(t, named, 11)
	require.Equal(t, "backend: reserve of 10004 bytes: broken", named[7])
}

// requireReserve drops the last sequence and finds all counted and the reserve
// empty.
func (s *sequence) requireReserve(parts int) {
	st := s.c.Stats()
	require.Equal(s.t, s.c.work.Device.Stats().LiveBytes, st.Bytes.Committed+st.Bytes.Staging)
	require.Equal(s.t, s.seq.table.Count(), s.c.arena.Count())
	require.NoError(s.t, s.seq.Drop())
	st = s.c.Stats()
	require.Equal(s.t, parts, st.Segments)
	require.Equal(s.t, st.Bytes.Committed, st.Bytes.Slack)
	for _, seg := range s.c.arena.Reserve() {
		require.Equal(s.t, []pages.Span{{At: 0, Words: seg.Buffer.Len()}}, seg.Free())
	}
}
