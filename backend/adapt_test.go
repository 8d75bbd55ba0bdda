package backend

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// gate is a device that keeps the lists of adaptations waiting while it is
// shut: what writes new segments.
type gate struct {
	device.Device
	mu   sync.Mutex
	open chan struct{} // nil or closed: open
	held chan struct{} // told of each list that waits
}

func (d *gate) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.held = make(chan struct{}), make(chan struct{}, 16)
}

func (d *gate) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open != nil {
		close(d.open)
		d.open = nil
	}
}

func (d *gate) Submit(l *device.List) (device.Ticket, error) {
	d.mu.Lock()
	open, held := d.open, d.held
	d.mu.Unlock()
	text := l.String()
	if open != nil && (strings.Contains(text, "mark repack") || strings.Contains(text, "mark ranges")) {
		held <- struct{}{}
		<-open
	}
	return d.Device.Submit(l)
}

// endRound waits for the batch in flight and all that is left of the round.
func (s *sequence) endRound() {
	for s.c.adapter.Finish(nil); s.seq.adapting.Active(); s.c.adapter.Finish(nil) {
		s.c.adapter.Pump()
	}
	require.NoError(s.t, s.seq.adapting.Err)
}

// mirror is the mirror of the bits of all groups, [kind][layer group][group].
func (s *sequence) mirror() (bits [2][][]uint8) {
	for k := range bits {
		for lg := range s.c.work.LayerGroups {
			bits[k] = append(bits[k], slices.Clone(s.seq.table.Bits(shaders.Kind(k), lg, 0, s.chunks())))
		}
	}
	return bits
}

func (s *sequence) counts() [3]int64 {
	m := s.seq.adapting.Moves
	return [3]int64{m.Demoted, m.Promoted, m.Missed}
}

func TestAdaptDuringStepsEqualsAdapt(t *testing.T) { testDuringSteps(t, cpu(t)) }

// Pages get what they lack from several goroutines, in both codecs.
func TestAdaptOnManyProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	testDuringSteps(t, cpu(t))
	testCalibratedPages(t, cpu(t), calibratedConfig(2, 3, 64, 64), 300)
}

// Every buffer that a kernel of the cache writes is compared with the reference.
func TestAdaptDuringStepsOnVulkanAndReference(t *testing.T) {
	testDuringSteps(t, openLLVMpipe(t, "both:llvmpipe"))
}

func testDuringSteps(t *testing.T, d device.Device) {
	for _, c := range cacheCases {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Capacity, c.cfg.MaxStepTokens, c.cfg.AdaptEvery, c.cfg.HostBudget = 120, 20, -1, 1<<20
			byHand := newSequence(t, d, c.appended, c.cfg)
			c.cfg.AdaptEvery = 1
			during := newSequence(t, d, c.appended, c.cfg)
			for _, n := range []int{20, 20, 5, 20, 1, 7} {
				byHand.step(n)
				byHand.adapt()
				during.step(n)
				during.requireRows(F16)
				during.endRound()
				require.Equal(t, byHand.mirror(), during.mirror())
				require.Equal(t, byHand.seq.table.Count(), during.seq.table.Count())
				during.requireBits(0, during.chunks())
				during.requireRows(F32)
			}
			require.Equal(t, byHand.counts(), during.counts())
			require.Equal(t, !c.cfg.fixed(), during.counts()[1] > 0)
			st := during.c.Stats()
			require.Equal(t, d.Stats().LiveBytes, st.Bytes.Committed+st.Bytes.Staging+byHand.c.Stats().Bytes.Committed+byHand.c.Stats().Bytes.Staging)
		})
	}
}

func (c Config) fixed() bool { return c.withDefaults().Policy.Rule(shaders.Key).Fixed }

// Steps go on, and read what they read before, while promotions are prepared.
func TestStepsDoNotWaitForPromotions(t *testing.T) {
	d := &gate{Device: cpu(t)}
	cfg := small
	cfg.AdaptEvery = 4
	s := newSequence(t, d, F32, cfg)
	t.Cleanup(d.release)
	s.step(32)
	s.step(14)
	s.step(1) // 47 tokens: no page is stored until there are 53
	s.endRound()
	d.shut()
	before := s.seq.adapting.Moves
	s.step(1) // the fourth: decides
	require.True(t, s.c.adapter.InFlight(nil))
	landed := s.c.adapter.Batches.Batches
	for range 3 {
		s.step(1)
		s.requireRows(F32)
		require.Equal(t, before, s.seq.adapting.Moves)
		require.Equal(t, landed, s.c.adapter.Batches.Batches)
	}
	d.release()
	s.c.Lists() // waits for the batch
	s.step(1)
	s.requireRows(F32)
	m := s.seq.adapting.Moves
	require.Positive(t, m.Promoted)
	require.Equal(t, 4*m.Promoted, m.LateSteps, "four steps attended with too few bits")
	require.Equal(t, int64(4), m.LateMax)
	require.Positive(t, m.BytesUp)
	require.Positive(t, m.BytesDown)
	a := s.c.Stats().Adapting
	require.Equal(t, int64(1), a.Overlapped)
	require.Positive(t, a.Host)
	require.Less(t, a.Waited, a.Time)
}

// A step that stores pages in a segment that is being rebuilt waits; a fork and a
// rollback too.
func TestCallsThatChangeSegmentsWait(t *testing.T) {
	for name, call := range map[string]func(*sequence){
		"step":     func(s *sequence) { s.step(16) },
		"fork":     func(s *sequence) { s.fork().requireRows(F32) },
		"rollback": func(s *sequence) { s.rollback(20) },
		"adapt":    func(s *sequence) { s.adapt(); s.requireBits(0, s.chunks()) },
		"lists":    func(s *sequence) { require.Contains(s.t, s.c.Lists()["move"].String(), "mark repack") },
		"drop":     func(s *sequence) { require.NoError(s.t, s.seq.Drop()) },
		"close":    func(s *sequence) { s.c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			d := &gate{Device: cpu(t)}
			cfg := small
			cfg.AdaptEvery, cfg.Sequences = 3, 2
			s := newSequence(t, d, F32, cfg)
			t.Cleanup(d.release)
			s.step(32)
			s.step(5)
			d.shut()
			s.step(1)
			require.True(t, s.c.adapter.InFlight(nil))
			time.AfterFunc(5*time.Millisecond, d.release)
			call(s)
			require.True(t, s.c.adapter.Ready() || !s.c.adapter.InFlight(nil))
			if s.seq.dropped || s.c.closed {
				st := s.c.Stats()
				require.Zero(t, st.Bytes.Committed)
				s.c.Close()
				require.Zero(t, d.Stats().LiveBytes)
				return
			}
			s.c.adapter.Finish(nil)
			s.requireRows(F32)
			require.Equal(t, d.Stats().LiveBytes, s.c.Stats().Bytes.Committed+s.c.Stats().Bytes.Staging)
		})
	}
}

// Every list and every buffer fails once, also in the goroutine, and also where
// a reserve is tight.
func TestAdaptDuringStepsGoesOnAfterFailures(t *testing.T) {
	for _, reserve := range []int64{0, 40 << 10, 1 << 20} {
		t.Run(fmt.Sprint(reserve), func(t *testing.T) {
			reported := 0
			for n := range 30 {
				reported += stepWithFailure(t, n, reserve)
			}
			require.Greater(t, reported, 8)
		})
	}
}

// stepWithFailure counts the errors that steps reported of adaptations.
func stepWithFailure(t *testing.T, n int, reserve int64) (reported int) {
	d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errBroken}
	cfg := small
	cfg.AdaptEvery, cfg.Capacity, cfg.Reserve = 1, 128, reserve
	s := newSequence(t, d, F32, cfg)
	s.step(32)
	s.step(16)
	s.endRound()
	if d.succeed(-1, n); n >= 15 {
		d.succeed(n-15, -1)
	}
	failures := 0
	for range 6 {
		for layer := range cfg.Layers {
			s.append(layer, 6)
			s.observe(layer, 6)
		}
		if err := s.seq.Step(context.Background()); err != nil {
			require.ErrorIs(t, err, errBroken)
			require.Regexp(t, "^backend: [^\n]*broken(: the step's tokens are in, [^\n]*)?$", err.Error())
			if strings.HasPrefix(err.Error(), "backend: adapt: ") {
				reported++
			}
			failures++
			d.succeed(-1, -1)
			require.NoError(t, s.seq.Step(context.Background()))
		}
		s.c.adapter.Finish(nil)
		s.requireFailed(d)
	}
	s.adapt()
	s.requireBits(0, s.chunks())
	s.requireRows(F32)
	s.c.Close()
	require.Zero(t, d.Stats().LiveBytes)
	require.LessOrEqual(t, failures, 1)
	return reported
}

// requireFailed wants what is read to be whole, whatever failed, and takes the
// device to be well again after an error that the next Step will tell.
func (s *sequence) requireFailed(d *failing) {
	if s.seq.adapting.Err != nil {
		d.succeed(-1, -1)
	}
	d.mu.Lock()
	buffers, submits := d.buffers, d.submits
	d.mu.Unlock()
	d.succeed(-1, -1)
	s.requireRows(F32)
	d.succeed(buffers, submits)
	st := s.c.Stats()
	require.Equal(s.t, d.Stats().LiveBytes, st.Bytes.Committed+st.Bytes.Staging)
}
