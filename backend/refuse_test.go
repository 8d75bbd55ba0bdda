package backend

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

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
		{"outlier fraction", func(c *Config) { c.OutlierFraction = 0.2 }, "backend: OutlierFraction 0.2: must be 0..0.1: bad cache configuration"},
		{"outlier fraction NaN", func(c *Config) { c.OutlierFraction = math.NaN() }, "backend: OutlierFraction NaN: must be 0..0.1: bad cache configuration"},
		{"window", func(c *Config) { c.Recent = -2 }, "backend: window -2: must be 1..1024: bad cache configuration"},
		{"page", func(c *Config) { c.PageTokens = 257 }, "backend: page tokens 257: must be 1..256: bad cache configuration"},
		{"step", func(c *Config) { c.MaxStepTokens = 5000 }, "backend: tokens a step 5000: must be 1..4096: bad cache configuration"},
		{"reserve", func(c *Config) { c.Reserve = -1 }, "backend: reserve of -1 bytes: must not be negative: bad cache configuration"},
		{"scratch", func(c *Config) { c.Scratch = 1<<32 + 1 }, "backend: scratch of 4294967297 bytes: must be 0..4294967296: bad cache configuration"},
		{"budget", func(c *Config) { c.HostBudget = -1 }, "backend: host budget of -1 bytes: must not be negative: bad cache configuration"},
		{"uniform", func(c *Config) { c.Policy = policy.Uniform{KeyBits: 3, ValueBits: 9} }, "policy: uniform: 9 bits for v: must be 0..8: bad cache configuration"},
		{"target", qaq(func(q *policy.QAQ) { q.KeyError = 0 }), "policy: qaq: target error 0 for k: must be above 0 and finite: bad cache configuration"},
		{"least", qaq(func(q *policy.QAQ) { q.MinBits = 9 }), "policy: qaq: least bits 9: must be 0..8: bad cache configuration"},
		{"most", qaq(func(q *policy.QAQ) { q.MaxBits = 12 }), "policy: qaq: most bits 12: must be 0..8 or 16: bad cache configuration"},
		{"formula", qaq(func(q *policy.QAQ) { q.Formula = 2 }), "policy: qaq: unknown formula(2): bad cache configuration"},
		{"norm layers", func(c *Config) { c.Policy = norms(1, 2, 1) }, "policy: qaq: query norms of 1 layers: the cache has 2: bad cache configuration"},
		{"norm heads", func(c *Config) { c.Policy = norms(2, 1, 1) }, "policy: qaq: query norms of 1 KV heads in layer 0: the cache has 2: bad cache configuration"},
		{"norm", func(c *Config) { c.Policy = norms(2, 2, 0) }, "policy: qaq: query norm 0 of layer 0 head 0: must be above 0 and finite: bad cache configuration"},
		{"outlier fraction NaN, policy none", func(c *Config) { c.OutlierFraction, c.Policy = math.NaN(), nil }, "backend: OutlierFraction NaN: must be 0..0.1: bad cache configuration"},
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

func TestNewRefusesNoDevice(t *testing.T) {
	_, err := New(nil, small)
	require.ErrorIs(t, err, ErrConfig)
	require.EqualError(t, err, "backend: new cache: no device: bad cache configuration")
}

func TestCallsRefuse(t *testing.T) {
	s := newSequence(t, cpu(t), F32, small)
	s.step(30)
	one, k := RowsF32(make([]float32, 64)), s.seq
	foreign := RowsView(F32, device.Whole(deviceBuffer(t, cpu(t), "foreign", 64, device.DeviceLocal)))
	gone, err := s.c.work.Device.NewBuffer("released", 64, device.Upload)
	require.NoError(t, err)
	released := RowsView(F32, device.Whole(gone))
	gone.Release()
	for _, c := range []struct {
		name string
		err  error
		is   error
		want string
	}{
		{"layer", k.Append(2, one, one), ErrRange, "backend: layer 2: the cache has layers 0..1"},
		{"no rows", k.Append(0, Rows{}, Rows{}), ErrShape, "backend: append: k: 0 elements: a token has 64"},
		{"part of a token", k.Append(0, RowsF32(make([]float32, 63)), one), ErrShape, "backend: append: k: 63 elements: a token has 64"},
		{"unequal", k.Append(0, RowsF32(make([]float32, 128)), one), ErrShape, "backend: append: 2 tokens of k and 1 of v"},
		{"types", k.Append(0, one, RowsU16(F16, make([]uint16, 64))), ErrShape, "backend: append: k is f32 and v is f16, or one of them on the device: both must be alike"},
		{"wrong slice", k.Append(0, Rows{typ: F16, f32: make([]float32, 64)}, one), ErrShape, "backend: append: k: rows of type f16 given as []float32"},
		{"unknown type", k.Append(0, Rows{typ: 7}, one), ErrShape, "backend: append: k: rows of type(7): must be one of [f16 bf16 f32]"},
		{"step", k.Append(0, RowsF32(make([]float32, 64*33)), RowsF32(make([]float32, 64*33))), ErrCapacity, "backend: append: 33 tokens in a step: limit 32: cache full"},
		{"probabilities", k.Observe(0, make([]float32, 5), 1, 2), ErrShape, "backend: observe: 5 probabilities: 1 queries, 2 heads and 30 tokens need 60"},
		{"query heads", k.Observe(0, nil, 1, 3), ErrShape, "backend: observe: 3 query heads: must be a multiple of the 2 KV heads"},
		{"queries", k.Observe(0, nil, 31, 2), ErrQueries, "backend: observe: 31 queries: layer 0 holds 30 tokens"},
		{"no queries", k.Observe(0, nil, 0, 2), ErrQueries, "backend: observe: 0 queries: layer 0 holds 30 tokens"},
		{"many query heads", k.Observe(0, nil, 1, 66), ErrShape, "backend: observe: 66 query heads of 2 KV heads: limit 32 for each"},
		{"layer of Observe", k.Observe(-1, nil, 1, 2), ErrRange, "backend: layer -1: the cache has layers 0..1"},
		{"layer of Read", second(k.Read(2, one, one)), ErrRange, "backend: layer 2: the cache has layers 0..1"},
		{"rollback", k.Rollback(31), ErrRange, "backend: rollback of 31 tokens: sequence 0 has 30"},
		{"negative rollback", k.Rollback(-1), ErrRange, "backend: rollback of -1 tokens: sequence 0 has 30"},
		{"foreign buffer", k.Append(0, foreign, foreign), ErrShape, "backend: append: k: rows in buffer foreign: it is none of cpu, or was released"},
		{"released buffer", k.Append(0, released, released), ErrShape, "backend: append: k: rows in buffer released: it is none of cpu, or was released"},
		{"second sequence", second(s.c.NewSequence()), ErrSequences, "backend: sequence 2: limit 1: too many sequences"},
		{"fork", second(k.Fork()), ErrSequences, "backend: sequence 2: limit 1: too many sequences"},
		{"type's name", second(ParseType("f8")), ErrConfig, `backend: type "f8": must be one of [f16 bf16 f32]`},
		{"level's name", second(ParseLevel("page")), ErrConfig, `backend: level "page": must be one of [head layer token]`},
		{"room", second(k.Read(0, one, one)), ErrShape, "backend: read: k: room for 64 elements: 30 tokens have 1920"},
		{"read types", second(k.Read(0, RowsF32(make([]float32, 1920)), RowsU16(F16, make([]uint16, 1920)))), ErrShape, "backend: read: k is f32 and v is f16: both must be alike"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.EqualError(t, c.err, c.want)
			require.ErrorIs(t, c.err, c.is)
		})
	}
	s.requireRows(F32)
	s.append(1, 1)
	err = k.Step(context.Background())
	require.EqualError(t, err, "backend: step: layer 1 got 1 tokens, layer 0 got 0")
	require.ErrorIs(t, err, ErrUnfinishedStep)
	s.append(0, 1)
	require.NoError(t, k.Step(context.Background()))
	s.requireRows(F32)
	s.c.Close()
	require.ErrorIs(t, k.Append(0, one, one), ErrClosed)
	s.c.Close()
}
