package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"sort"
	"time"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/generate"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/session"
)

func main() {
	d, err := device.Open("llvmpipe", device.Options{})
	if err != nil {
		panic(err)
	}
	m, err := model.Load(os.Args[1])
	if err != nil {
		panic(err)
	}
	p, err := session.LoadProfile(m, "", 0, false)
	if err != nil {
		panic(err)
	}
	text, _ := os.ReadFile(os.Args[2])
	toks, _ := m.Tokenizer.Encode(string(text[:8000]), false)
	cache, err := backend.New(d, backend.Config{Layers: m.Layers, KVHeads: m.KVHeads, QueryHeads: m.QueryHeads, HeadDim: m.HeadDim, Capacity: 1100, MaxStepTokens: 32, Synchronous: true, AdaptEvery: 1, HostBudget: 1 << 40, Profile: p})
	if err != nil {
		panic(err)
	}
	seq, _ := cache.NewSequence()
	f, _ := os.Create("/tmp/cpu.prof")
	pprof.StartCPUProfile(f)
	began := time.Now()
	var kv model.KV = generate.NewStore(context.Background(), seq)
	if len(os.Args) > 3 {
		kv = &hosted{Store: generate.NewStore(context.Background(), seq), seq: seq, m: m}
	}
	_, err = generate.Run(context.Background(), m, kv, toks[:1024], generate.Options{Tokens: 1, Batch: 32, Prefilled: func(a, b int) {}, Next: func(int, []float32) (int, error) { return 0, nil }})
	pprof.StopCPUProfile()
	fmt.Println(err, time.Since(began))
	st := cache.Stats()
	fmt.Printf("%+v\n%+v\n%+v\n", st.Bytes, st.Moves, st.Adapting)
	type pair struct {
		k string
		v time.Duration
	}
	var l []pair
	for k, v := range st.Times {
		l = append(l, pair{k, v})
	}
	sort.Slice(l, func(i, j int) bool { return l[i].v > l[j].v })
	for _, x := range l {
		fmt.Println(x.k, x.v)
	}
	fmt.Println(st.K, st.V)
}

type hosted struct {
	*generate.Store
	seq        *backend.Sequence
	m          *model.Model
	k, v       []float32
	host       model.Attender
	tr, to, th time.Duration
}

func (t *hosted) Attend(layer int, q, out []float32, a model.Attention) error {
	n := len(q) / (t.m.QueryHeads * t.m.HeadDim)
	need := (t.Tokens() + n) * t.m.KVHeads * t.m.HeadDim
	if cap(t.k) < need {
		t.k, t.v = make([]float32, need*2), make([]float32, need*2)
	}
	b := time.Now()
	if _, err := t.seq.Read(layer, backend.RowsF32(t.k[:need]), backend.RowsF32(t.v[:need])); err != nil {
		return err
	}
	t.tr += time.Since(b)
	b = time.Now()
	probs := t.host.Attend(t.m.Config, a, q, out, t.k[:need], t.v[:need], nil)
	t.th += time.Since(b)
	b = time.Now()
	err := t.seq.Observe(layer, probs, n, t.m.QueryHeads)
	t.to += time.Since(b)
	if layer == 29 && t.Tokens() > 950 {
		fmt.Println("read", t.tr, "host", t.th, "observe", t.to)
	}
	return err
}
