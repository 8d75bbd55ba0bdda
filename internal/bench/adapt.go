package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// adaptStep are the tokens that a step of setting up appends.
const adaptStep = 128

func (c Case) adaptName() string {
	return fmt.Sprintf("adapt/h%dkv%d/d%d/t%d", queryHeads, kvHeads, c.HeadDim, c.Tokens)
}

// adapting is a whole round of adaptation of one layer, K and V, by policy qaq:
// every group decided, and moved where its bits changed. Before each run, which
// is not timed, new queries change what is important.
type adapting struct {
	cache   *backend.Cache
	text    *backend.Sequence
	rng     *rand.Rand
	tokens  int
	headDim int
}

func newAdapt(ctx context.Context, d device.Device, c Case) (work, error) {
	tokens := c.Elements / 2 / c.HeadDim / kvHeads
	cache, err := backend.New(d, backend.Config{Layers: 1, KVHeads: kvHeads, QueryHeads: queryHeads, HeadDim: c.HeadDim,
		Capacity: tokens, Alpha: c.Alpha, MaxAppend: adaptStep, AdaptEvery: -1, HostBudget: 1 << 30,
		Policy: policy.QAQ{KeyError: 0.02, ValueError: 0.02, MinBits: 1, MaxBits: 8}})
	if err != nil {
		return nil, err
	}
	a := &adapting{cache: cache, rng: rand.New(rand.NewPCG(1, 2)), tokens: tokens, headDim: c.HeadDim}
	if a.text, err = cache.NewSequence(); err == nil {
		err = a.fill(ctx)
	}
	if err != nil {
		a.release()
		return nil, err
	}
	return a, nil
}

func (a *adapting) values(heads, n int) backend.Rows {
	v := make([]float32, n*heads*a.headDim)
	for i := range v {
		v[i] = draw(a.rng)
	}
	return backend.RowsF32(v)
}

func (a *adapting) fill(ctx context.Context) error {
	for a.text.Tokens() < a.tokens {
		n := min(adaptStep, a.tokens-a.text.Tokens())
		if err := a.text.Append(0, a.values(kvHeads, n), a.values(kvHeads, n)); err != nil {
			return err
		}
		if err := a.attend(min(n, 8)); err != nil {
			return err
		}
		if err := a.text.Step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *adapting) attend(n int) error {
	out := backend.RowsF32(make([]float32, n*queryHeads*a.headDim))
	return a.text.Attend(0, a.values(queryHeads, n), out, backend.AttendOptions{})
}

func (a *adapting) run(ctx context.Context) (sample, error) {
	s := sample{kernels: map[string]time.Duration{}}
	if err := a.attend(5); err != nil {
		return s, err
	}
	before := a.cache.Stats().Times
	start := time.Now()
	_, err := a.text.Adapt(ctx)
	s.wall = time.Since(start)
	for k, t := range a.cache.Stats().Times {
		if t > before[k] {
			s.kernels[k] = t - before[k]
		}
	}
	return s, err
}

func (a *adapting) bytes() int64 { return a.cache.Stats().Bytes.Live }

func (a *adapting) release() { a.cache.Close() }
