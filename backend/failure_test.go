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

func TestNewRefuses(t *testing.T) {
	norms := func(layers, heads int, v float64) policy.Policy {
		q := testQAQ(policy.Paper)
		for range layers {
			row := make([]float64, heads)
			for h := range row {
				row[h] = v
			}
			q.QueryNorms = append(q.QueryNorms, row)
		}
		return q
	}
	qaq := func(change func(*policy.QAQ)) func(*Config) {
		q := testQAQ(policy.Paper)
		change(&q)
		return func(c *Config) { c.Policy = q }
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"layers", func(c *Config) { c.Layers = 0 }, "backend: layers 0: must be 1..4096: bad cache configuration"},
		{"heads", func(c *Config) { c.KVHeads = -1 }, "backend: KV heads -1: must be 1..1024: bad cache configuration"},
		{"dim", func(c *Config) { c.HeadDim = 36 }, "backend: level head: layout: head dimension 36: must be a multiple of 8 from 32 to 256: bad cache configuration"},
		{"capacity", func(c *Config) { c.Capacity = 0 }, "backend: capacity in tokens 0: must be 1..16777216: bad cache configuration"},
		{"sequences", func(c *Config) { c.Sequences = 65537 }, "backend: sequences 65537: must be 1..65536: bad cache configuration"},
		{"type", func(c *Config) { c.Type = 3 }, "backend: type 3: must be 0..2: bad cache configuration"},
		{"level", func(c *Config) { c.Level = 9 }, "backend: level 9: must be 0..2: bad cache configuration"},
		{"group", func(c *Config) { c.Level, c.Layers = LevelToken, 300 }, "backend: level token: layout: 600 rows of 32: a group has 1 row to 16384 elements: bad cache configuration"},
		{"alpha", func(c *Config) { c.OutlierFraction = 0.2 }, "backend: alpha 0.2: must be 0..0.1: bad cache configuration"},
		{"alpha NaN", func(c *Config) { c.OutlierFraction = math.NaN() }, "backend: alpha NaN: must be 0..0.1: bad cache configuration"},
		{"window", func(c *Config) { c.Recent = -2 }, "backend: window -2: must be 1..1024: bad cache configuration"},
		{"page", func(c *Config) { c.PageTokens = 257 }, "backend: page tokens 257: must be 1..256: bad cache configuration"},
		{"step", func(c *Config) { c.MaxStepTokens = 5000 }, "backend: tokens a step 5000: must be 1..4096: bad cache configuration"},
		{"reserve", func(c *Config) { c.Reserve = -1 }, "backend: reserve of -1 bytes: must not be negative: bad cache configuration"},
		{"budget", func(c *Config) { c.HostBudget = -1 }, "backend: host budget of -1 bytes: must not be negative: bad cache configuration"},
		{"uniform", func(c *Config) { c.Policy = policy.Uniform{KeyBits: 3, ValueBits: 9} }, "policy: uniform: 9 bits for v: must be 0..8: bad cache configuration"},
		{"target", qaq(func(q *policy.QAQ) { q.KeyError = 0 }), "policy: qaq: target error 0 for k: must be above 0 and finite: bad cache configuration"},
		{"least", qaq(func(q *policy.QAQ) { q.MinBits = 9 }), "policy: qaq: least bits 9: must be 0..8: bad cache configuration"},
		{"most", qaq(func(q *policy.QAQ) { q.MaxBits = 12 }), "policy: qaq: most bits 12: must be 0..8 or 16: bad cache configuration"},
		{"formula", qaq(func(q *policy.QAQ) { q.Formula = 2 }), "policy: qaq: unknown formula(2): bad cache configuration"},
		{"norm layers", func(c *Config) { c.Policy = norms(1, 2, 1) }, "policy: qaq: query norms of 1 layers: the cache has 2: bad cache configuration"},
		{"norm heads", func(c *Config) { c.Policy = norms(2, 1, 1) }, "policy: qaq: query norms of 1 KV heads in layer 0: the cache has 2: bad cache configuration"},
		{"norm", func(c *Config) { c.Policy = norms(2, 2, 0) }, "policy: qaq: query norm 0 of layer 0 head 0: must be above 0 and finite: bad cache configuration"},
		{"ring", func(c *Config) { c.MaxStepTokens, c.Layers, c.HeadDim = 4096, 200, 64 }, "backend: ring of 105676800 words: the device limits a storage buffer to 33554432: bad cache configuration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, cfg := cpu(t), small
			c.change(&cfg)
			_, err := New(d, cfg)
			require.ErrorIs(t, err, policy.ErrConfig)
			require.EqualError(t, err, c.want)
			require.Zero(t, d.Stats().LiveBytes)
		})
	}
}

func TestCallsRefuse(t *testing.T) {
	s := newSequence(t, cpu(t), F32, small)
	s.step(30)
	one, k := RowsF32(make([]float32, 64)), s.seq
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"layer", k.Append(2, one, one), "backend: layer 2: the cache has layers 0..1"},
		{"no rows", k.Append(0, Rows{}, Rows{}), "backend: append: k: 0 elements: a token has 64"},
		{"part of a token", k.Append(0, RowsF32(make([]float32, 63)), one), "backend: append: k: 63 elements: a token has 64"},
		{"unequal", k.Append(0, RowsF32(make([]float32, 128)), one), "backend: append: 2 tokens of k and 1 of v"},
		{"types", k.Append(0, one, RowsU16(F16, make([]uint16, 64))), "backend: append: k is f32 and v is f16, or one of them on the device: both must be alike"},
		{"wrong slice", k.Append(0, Rows{typ: F16, f32: make([]float32, 64)}, one), "backend: append: k: rows of type f16 given as []float32"},
		{"unknown type", k.Append(0, Rows{typ: 7}, one), "backend: append: k: rows of type(7): must be one of [f16 bf16 f32]"},
		{"step", k.Append(0, RowsF32(make([]float32, 64*33)), RowsF32(make([]float32, 64*33))), "backend: append: 33 tokens in a step: limit 32: cache full"},
		{"probabilities", k.Observe(0, make([]float32, 5), 1, 2), "backend: observe: 5 probabilities: 1 queries, 2 heads and 30 tokens need 60"},
		{"query heads", k.Observe(0, nil, 1, 3), "backend: observe: 3 query heads: must be a multiple of the 2 KV heads"},
		{"queries", k.Observe(0, nil, 31, 2), "backend: observe: 31 queries: layer 0 holds 30 tokens"},
		{"room", second(k.Read(0, one, one)), "backend: read: k: room for 64 elements: 30 tokens have 1920"},
		{"read types", second(k.Read(0, RowsF32(make([]float32, 1920)), RowsU16(F16, make([]uint16, 1920)))), "backend: read: k is f32 and v is f16: both must be alike"},
	} {
		t.Run(c.name, func(t *testing.T) { require.EqualError(t, c.err, c.want) })
	}
	s.requireRows(F32)
	s.append(1, 1)
	require.EqualError(t, k.Step(context.Background()), "backend: step: layer 1 got 1 tokens, layer 0 got 0")
	s.append(0, 1)
	require.NoError(t, k.Step(context.Background()))
	s.requireRows(F32)
	s.c.Close()
	require.ErrorIs(t, k.Append(0, one, one), ErrClosed)
	s.c.Close()
}

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

func TestCancelledStepKeepsTokens(t *testing.T) {
	s := newSequence(t, cpu(t), F32, small)
	s.append(0, 30)
	s.append(1, 30)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, s.seq.Step(ctx), context.Canceled)
	require.Equal(t, 30, s.seq.Tokens())
	require.Zero(t, s.c.Stats().Stored)
	s.requireRows(F32)
	require.NoError(t, s.seq.Step(context.Background()))
	require.Equal(t, 16, s.c.Stats().Stored)
	s.requireRows(F32)
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
