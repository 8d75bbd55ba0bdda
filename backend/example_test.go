package backend_test

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// rows are n tokens of 2 KV heads of 32 elements.
func rows(n, seed int) backend.Rows {
	v := make([]float32, n*2*32)
	for i := range v {
		v[i] = float32(math.Sin(float64(i*i + seed)))
	}
	return backend.RowsF32(v)
}

// A runtime appends the rows of a step to every layer, reads what attention
// needs, reports the attention, and ends the step.
func Example() {
	dev, err := device.Open("cpu", device.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dev.Close()
	cache, err := backend.New(dev, backend.Config{
		Layers: 1, KVHeads: 2, HeadDim: 32, Capacity: 256, OutlierFraction: 0.02, HostBudget: 1 << 20,
		Policy: policy.QAQ{KeyError: 1, ValueError: 0.02, MaxBits: 8},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cache.Close()
	text, err := cache.NewSequence()
	if err != nil {
		fmt.Println(err)
		return
	}

	k, v := make([]float32, 256*64), make([]float32, 256*64)
	for step := range 60 {
		if err := text.Append(0, rows(1, step), rows(1, -step)); err != nil {
			fmt.Println(err)
			return
		}
		tokens, err := text.Read(0, backend.RowsF32(k), backend.RowsF32(v))
		if err != nil {
			fmt.Println(err)
			return
		}
		probs := make([]float32, 4*tokens) // 4 query heads, all as attentive to every token
		for i := range probs {
			probs[i] = 1 / float32(tokens)
		}
		if err := text.Observe(0, probs, 1, 4); err != nil {
			fmt.Println(err)
			return
		}
		if err := text.Step(context.Background()); err != nil {
			fmt.Println(err)
			return
		}
	}
	s := cache.Stats()
	fmt.Println(s.Tokens, "tokens,", s.Stored, "of them in pages, less than two thirds of f16:", 3*s.Bytes.Live < s.Bytes.F16*2)
	// Output: 60 tokens, 48 of them in pages, less than two thirds of f16: true
}

// Two answers to one prompt share its pages; one of them takes tokens back.
func ExampleSequence_Fork() {
	dev, _ := device.Open("cpu", device.Options{})
	defer dev.Close()
	cache, _ := backend.New(dev, backend.Config{Layers: 1, KVHeads: 2, HeadDim: 32, Capacity: 256, Sequences: 2,
		Policy: policy.Uniform{KeyBits: 4, ValueBits: 3}})
	defer cache.Close()
	grow := func(s *backend.Sequence, tokens, seed int) {
		_ = s.Append(0, rows(tokens, seed), rows(tokens, -seed))
		_ = s.Step(context.Background())
	}
	one, _ := cache.NewSequence()
	grow(one, 32, 1)
	grow(one, 32, 2)
	other, _ := one.Fork()
	grow(one, 24, 3)
	grow(other, 20, 4)
	if err := other.Rollback(5); err != nil {
		fmt.Println(err)
	}
	s := cache.Stats()
	fmt.Println(one.Tokens(), other.Tokens(), "tokens, pages:", one.Stats().Pages, "and", other.Stats().Pages, "of together", s.Pages)
	_ = other.Drop()
	fmt.Println(cache.Stats().Sequences, "sequence,", cache.Stats().Pages, "pages")
	// Output:
	// 88 79 tokens, pages: 10 and 8 of together 12
	// 1 sequence, 10 pages
}

// What a cache did last on its device can be read and run again.
func ExampleCache_Lists() {
	dev, _ := device.Open("cpu", device.Options{})
	defer dev.Close()
	cache, _ := backend.New(dev, backend.Config{Layers: 1, KVHeads: 2, HeadDim: 32, Capacity: 64})
	defer cache.Close()
	text, _ := cache.NewSequence()
	_ = text.Append(0, rows(3, 0), rows(3, 1))
	_ = text.Step(context.Background())
	kernel, rest, _ := strings.Cut(cache.Lists()["append"].String(), " ") // constants, then what one run was given
	_, rest, _ = strings.Cut(rest, " | ")
	fmt.Print(kernel, " ", rest)
	// Output:
	// convert rows=12 rowsPerToken=2 srcOffset=4 srcTokenStride=64 dstOffset=0 dstTokenStride=32 dstRing=128 first=0 firstAt=1 clamp=1 | src=rows[0:388] dst=ring.0[0:4096] clamped=clamped[0:1] | 1 workgroups
	// mark convert
	// barrier shader -> all
}

// A policy of one's own: keep the first token as it came, and any that ever got
// a tenth of a query's attention, and the rest in 2 bits.
func Example_hostPolicy() {
	dev, _ := device.Open("cpu", device.Options{})
	defer dev.Close()
	cache, _ := backend.New(dev, backend.Config{Layers: 1, KVHeads: 2, HeadDim: 32, Capacity: 64, Policy: sink{}, AdaptEvery: -1})
	defer cache.Close()
	text, _ := cache.NewSequence()
	for step := range 40 {
		_ = text.Append(0, rows(1, 0), rows(1, 1))
		probs := make([]float32, 2*(step+1))
		if step > 8 {
			probs[8] = .5 // the first head looks at the token 8
		}
		_ = text.Observe(0, probs, 1, 2)
		_ = text.Step(context.Background())
	}
	fmt.Println(cache.Stats().K.Histogram) // of 32 tokens, two heads each
	// Output: [0 0 61 0 0 0 0 0 0 0 0 0 0 0 0 0 3]
}

type sink struct{ policy.None }

func (sink) Name() string { return "sink" }
func (sink) Rule(shaders.Kind) policy.Rule {
	return policy.Rule{MinBits: 2, MaxBits: 16, Weight: policy.WeightCustom}
}

func (sink) Limit(shaders.Kind, int, int, int) float64 { return 1 }

func (sink) Weigh(w *policy.Weighing) {
	for t, importance := range w.Weights {
		if importance >= .1 || t == 0 {
			w.State[t] = 1
		}
		w.Weights[t] = 0 // MinBits
		if w.State[t] == 1 {
			w.Weights[t] = -1 // MaxBits
		}
	}
}
