package bench

import (
	"context"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

const (
	perHead    = 4 // query heads of a KV head
	queryHeads = perHead * kvHeads
	step       = 128 // tokens of a step of setting up
)

// cached is work of a cache of one layer, with a sequence of so many tokens.
type cached struct {
	c     Case
	cache *backend.Cache
	text  *backend.Sequence
	rng   *rand.Rand
}

// newCached fills a cache. One that adapts has importance from the first step on.
func newCached(ctx context.Context, d device.Device, c Case, p policy.Policy, adapts bool) (*cached, error) {
	return fillCached(ctx, d, c, backend.Config{OutlierFraction: c.Alpha, Policy: p}, adapts)
}

// fillCached fills a cache of one layer that is configured so far.
func fillCached(ctx context.Context, d device.Device, c Case, cfg backend.Config, adapts bool) (*cached, error) {
	cfg.Layers, cfg.KVHeads, cfg.QueryHeads, cfg.HeadDim, cfg.Capacity = 1, kvHeads, queryHeads, c.HeadDim, c.tokens()
	cfg.MaxStepTokens, cfg.AdaptEvery, cfg.HostBudget = step, -1, 1<<30
	cache, err := backend.New(d, cfg)
	if err != nil {
		return nil, err
	}
	w := &cached{c, cache, nil, rand.New(rand.NewPCG(1, 2))}
	if w.text, err = cache.NewSequence(); err == nil {
		err = w.fill(ctx, adapts)
	}
	if err != nil {
		w.release()
		return nil, err
	}
	return w, nil
}

// values are rows of n tokens or queries.
func (w *cached) values(heads, n int) backend.Rows {
	v := make([]float32, n*heads*w.c.HeadDim)
	for i := range v {
		v[i] = draw(w.rng)
	}
	return backend.RowsF32(v)
}

func (w *cached) fill(ctx context.Context, adapts bool) error {
	for left := w.c.tokens(); left > 0; left = w.c.tokens() - w.text.Tokens() {
		n := min(step, left)
		if err := w.text.Append(0, w.values(kvHeads, n), w.values(kvHeads, n)); err != nil {
			return err
		}
		if adapts {
			if err := w.attend(ctx, min(n, 8)); err != nil {
				return err
			}
		}
		if err := w.text.Step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *cached) attend(ctx context.Context, n int) error {
	out := backend.RowsF32(make([]float32, n*queryHeads*w.c.HeadDim))
	return w.text.Attend(ctx, 0, w.values(queryHeads, n), out, backend.AttendOptions{})
}

// time is the time of a call, and of the kernels that ran for it.
func (w *cached) time(call func() error) (sample, error) {
	s, before := sample{}, w.cache.Stats().Times
	start := time.Now()
	err := call()
	s.wall, s.kernels = time.Since(start), w.cache.Stats().Times
	for k, t := range s.kernels {
		s.kernels[k] = t - before[k]
	}
	maps.DeleteFunc(s.kernels, func(_ string, t time.Duration) bool { return t == 0 })
	return s, err
}

func (w *cached) bytes() int64 { return w.cache.Stats().Bytes.Live }

func (w *cached) release() { w.cache.Close() }

// attending is decode attention: one query of each head.
type attending struct {
	*cached
	q, out backend.Rows
}

func newAttend(ctx context.Context, d device.Device, c Case) (work, error) {
	w, err := newCached(ctx, d, c, atBits(c.Bits), false)
	if err != nil {
		return nil, err
	}
	return attending{w, w.values(queryHeads, 1), w.values(queryHeads, 1)}, nil
}

// newCalibratedAttend has the calibrated codec, and tokens of all levels.
func newCalibratedAttend(ctx context.Context, d device.Device, c Case) (work, error) {
	p, err := ratedProfile(c)
	if err != nil {
		return nil, err
	}
	w, err := fillCached(ctx, d, c, backend.Config{Profile: p}, false)
	if err != nil {
		return nil, err
	}
	for range p.Importance.Recent + 1 { // as many queries as levels ask for
		if err = w.text.Observe(0, observed(rand.New(rand.NewPCG(5, 6)), c.tokens()), 1, queryHeads); err != nil {
			break
		}
	}
	if err == nil {
		_, err = w.text.Adapt(ctx)
	}
	if err != nil {
		w.release()
		return nil, err
	}
	return attending{w, w.values(queryHeads, 1), w.values(queryHeads, 1)}, nil
}

func (w attending) run(ctx context.Context) (sample, error) {
	return w.time(func() error {
		return w.text.Attend(ctx, 0, w.q, w.out, backend.AttendOptions{SkipImportance: w.c.Plain})
	})
}

// kernels times the kernels of so many runs, after one in which lists are recorded.
func (w attending) kernels(ctx context.Context, runs int) (kernelTimes, error) {
	w.cache.TimeKernels(true)
	defer w.cache.TimeKernels(false)
	times := kernelTimes{}
	for i := -1; i < runs; i++ {
		s, err := w.run(ctx)
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			times.add(s)
		}
	}
	return times, nil
}

// adapting is a whole round of adaptation, K and V, by policy qaq: every group
// decided, and moved where its bits changed. Before each run, which is not timed,
// new queries change what is important.
type adapting struct{ *cached }

func newAdapt(ctx context.Context, d device.Device, c Case) (work, error) {
	w, err := newCached(ctx, d, c, policy.QAQ{KeyError: 0.02, ValueError: 0.02, MinBits: 1, MaxBits: 8}, true)
	if err != nil {
		return nil, err
	}
	return adapting{w}, nil
}

func (w adapting) run(ctx context.Context) (sample, error) {
	if err := w.attend(ctx, 5); err != nil {
		return sample{}, err
	}
	return w.time(func() error {
		_, err := w.text.Adapt(ctx)
		return err
	})
}

// atBits gives all groups so many bits and keeps importance all the same.
type atBits int

func (b atBits) Name() string             { return "bench" }
func (b atBits) Check(policy.Shape) error { return nil }
func (b atBits) Rule(shaders.Kind) policy.Rule {
	return policy.Rule{MinBits: min(int(b), 8), MaxBits: int(b), Fixed: true}
}
func (b atBits) Limit(shaders.Kind, int, int, int) float64 { return 0 }
