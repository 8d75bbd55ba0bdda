package backend

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/vk"
)

// failing is a device that refuses memory or lists when told to.
type failing struct {
	device.Device
	mu               sync.Mutex
	buffers, submits int // how many still succeed; negative: all
	err              error
}

func (d *failing) NewBuffer(label string, words int, m device.Memory) (device.Buffer, error) {
	if !d.take(&d.buffers) {
		return nil, d.err
	}
	return d.Device.NewBuffer(label, words, m)
}

func (d *failing) Submit(l *device.List) (device.Ticket, error) {
	if !d.take(&d.submits) {
		return nil, d.err
	}
	return d.Device.Submit(l)
}

func (d *failing) take(left *int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if *left == 0 {
		return false
	}
	*left--
	return true
}

// succeed sets how many buffers and lists still succeed.
func (d *failing) succeed(buffers, submits int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buffers, d.submits = buffers, submits
}

var errBroken = errors.New("broken")

var small = Config{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 64, OutlierFraction: 0.07, Policy: testQAQ(policy.Paper), AdaptEvery: -1, HostBudget: 1 << 20}

func second[A any](_ A, err error) error { return err }

func TestFullCache(t *testing.T) {
	s := newSequence(t, cpu(t), F32, small)
	s.step(32)
	s.step(31)
	two := RowsF32(make([]float32, 128))
	err := s.seq.Append(0, two, two)
	require.ErrorIs(t, err, ErrCapacity)
	require.EqualError(t, err, "backend: append: 65 tokens: capacity 64: cache full")
	s.step(1)
	s.requireRows(F32)
}

// Every list and every buffer fails once; the cache goes on as if nothing was.
func TestGoesOnAfterFailures(t *testing.T) {
	broken := errors.New("broken")
	for n := range 40 {
		d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: broken}
		s := newSequence(t, d, F32, small)
		for layer := range s.cfg.Layers {
			s.append(layer, 30)
			s.observe(layer, 30)
		}
		if d.submits = n; n >= 20 {
			d.submits, d.buffers = -1, n-20
		}
		failures := 0
		attempt := func(call func() error) {
			if err := call(); err != nil {
				require.ErrorIs(t, err, broken)
				failures++
				d.submits, d.buffers = -1, -1
				require.NoError(t, call())
			}
		}
		attempt(func() error { return s.seq.Step(context.Background()) })
		attempt(func() error { return second(s.seq.Adapt(context.Background())) })
		for layer := range s.cfg.Layers {
			s.append(layer, 9)
			s.observe(layer, 9)
		}
		attempt(func() error { return s.seq.Step(context.Background()) })
		attempt(func() error { return second(s.seq.Adapt(context.Background())) })
		d.submits, d.buffers = -1, -1
		s.requireBits(0, s.chunks())
		s.requireRows(F32)
		require.Equal(t, 39, s.c.Stats().Tokens)
		if n < 11 || n == 20 {
			require.Equal(t, 1, failures, "case %d", n)
		}
	}
}

func TestNewUnwinds(t *testing.T) {
	for n := range 11 {
		d := &failing{Device: cpu(t), buffers: n, submits: -1, err: vk.ErrOutOfDeviceMemory}
		c, err := New(d, small)
		if n == 10 {
			require.NoError(t, err)
			_, err = c.NewSequence()
			c.Close()
		}
		require.ErrorIs(t, err, vk.ErrOutOfDeviceMemory)
		require.Zero(t, d.Stats().LiveBytes)
	}
}

func TestLostDeviceStaysLost(t *testing.T) {
	d := &failing{Device: cpu(t), buffers: -1, submits: 0, err: vk.ErrDeviceLost}
	s := newSequence(t, d, F32, small)
	s.append(0, 1)
	s.append(1, 1)
	require.EqualError(t, s.seq.Step(context.Background()), "backend: append: device lost: the cache can only be closed")
	d.submits = -1
	require.ErrorIs(t, s.seq.Step(context.Background()), vk.ErrDeviceLost)
	s.c.Close()
	require.Zero(t, d.Stats().LiveBytes)
}

// A context that is cancelled before Step leaves its tokens out, one that is
// cancelled after they are in leaves the rest to a later Step.
func TestCancelledStep(t *testing.T) {
	d := &faulty{Device: cpu(t), fault: cancelled, left: -1}
	s := newSequence(t, d, F32, small)
	s.append(0, 30)
	s.append(1, 30)
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.left = cancel, 1 // append, keep
	err := s.seq.Step(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, ErrDeferred)
	require.EqualError(t, err, "backend: step: context canceled: the step's tokens are in, a later Step does what was left")
	require.Equal(t, 30, s.seq.Tokens())
	require.Zero(t, s.c.Stats().Stored)
	s.requireRows(F32)
	s.append(0, 1)
	s.append(1, 1)
	err = s.seq.Step(ctx)
	require.EqualError(t, err, "backend: step: context canceled")
	require.NotErrorIs(t, err, ErrDeferred)
	require.Equal(t, 30, s.seq.Tokens())
	require.NoError(t, s.seq.Step(context.Background()))
	require.Equal(t, 31, s.seq.Tokens())
	require.Equal(t, 16, s.c.Stats().Stored)
	s.requireRows(F32)
}

// Steps whose storing fails fill the ring; Append says that a Step makes room.
func TestRingFullOfWhatStepsLeft(t *testing.T) {
	d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errBroken}
	s := newSequence(t, d, F32, Config{Layers: 1, KVHeads: 2, HeadDim: 32, Capacity: 300})
	for s.tokens(0) < 48 {
		s.append(0, 16)
		d.succeed(-1, 1)
		err := s.seq.Step(context.Background())
		d.succeed(-1, -1)
		if s.tokens(0) > 16 {
			require.ErrorIs(t, err, ErrDeferred)
		}
	}
	s.append(0, 16)
	two := RowsF32(make([]float32, 64))
	err := s.seq.Append(0, two, two)
	require.ErrorIs(t, err, ErrCapacity)
	require.ErrorIs(t, err, ErrDeferred)
	s.requireRows(F32)
	require.NoError(t, s.seq.Step(context.Background()))
	require.NoError(t, s.seq.Append(0, two, two))
}

// Where Observe fails before its end, the queries that it may have changed count as
// lost, and those before as what they were.
func TestFailedObserve(t *testing.T) {
	for lists, want := range []int{3, 2, 1} { // queries that count, of three
		d := &failing{Device: cpu(t), buffers: -1, submits: -1, err: errBroken}
		cfg := small
		cfg.Queries = 3
		s := newSequence(t, d, F32, cfg)
		s.step(30)
		before := s.importance(0)
		d.succeed(-1, lists)
		require.ErrorIs(t, s.seq.Observe(0, make([]float32, 3*4*30), 3, 4), errBroken)
		d.succeed(-1, -1)
		require.Equal(t, want, s.seq.ranged().importance.Held(0))
		if lists == 0 {
			require.Equal(t, before, s.importance(0))
		} else {
			require.Equal(t, float32(-1), s.importance(0)[0])
		}
		s.observe(0, 3)
		require.Equal(t, 3, s.seq.ranged().importance.Held(0))
	}
}

func TestNonFiniteRowsStayRaw(t *testing.T) {
	s := newSequence(t, cpu(t), F32, small)
	k, v := s.values(24), s.values(24)
	k[3*64+5], v[7*64+40] = float32(math.NaN()), float32(math.Inf(1))
	s.appendValues(0, k, v)
	s.append(1, 24)
	require.NoError(t, s.seq.Step(context.Background()))
	s.requireRows(F32)
	require.Equal(t, int64(2), s.c.Stats().NonFinite)
	for range 3 {
		for layer := range s.cfg.Layers {
			s.append(layer, 1)
			s.observe(layer, 1)
		}
		require.NoError(t, s.seq.Step(context.Background()))
	}
	_, err := s.seq.Adapt(context.Background())
	require.NoError(t, err)
	s.requireRows(F16)
	require.Equal(t, int64(2), s.c.Stats().NonFinite)
}

func TestPromotesOnlyWhatTheHostHas(t *testing.T) {
	for _, c := range []struct {
		name   string
		budget int64
		some   bool
	}{{"none", 0, false}, {"one chunk", 4 * 64 * 2 * 32 * 2, true}} {
		t.Run(c.name, func(t *testing.T) {
			cfg := small
			cfg.HostBudget, cfg.Capacity = c.budget, 128
			s := newSequence(t, cpu(t), F32, cfg)
			var all Moves
			for _, n := range []int{20, 20, 20, 20, 20, 9, 9} {
				s.step(n)
				m, err := s.seq.Adapt(context.Background())
				require.NoError(t, err)
				all.Add(m)
				s.requireRows(F32)
			}
			require.Positive(t, all.Missed)
			require.Positive(t, all.Demoted)
			require.Equal(t, c.some, all.Promoted > 0)
			require.Equal(t, c.budget, s.seq.host.Bytes())
		})
	}
}
