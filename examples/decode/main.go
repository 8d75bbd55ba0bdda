// Command decode is the decode loop of a model, for which random numbers stand. The
// argument names a device; without one it is the best. All devices print the same.
package main

import (
	"context"
	"flag"
	"fmt"
	"hash/crc32"
	"log"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

var cfg = backend.Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 64, Capacity: 512,
	OutlierFraction: 0.01, Policy: policy.QAQ{KeyError: 1, ValueError: 0.01, MaxBits: 8},
	HostBudget: 1 << 20, Synchronous: true} // tokens get bits back, and steps wait for it: speed does not show
var random = rand.New(rand.NewPCG(1, 2))

func main() {
	flag.Parse()
	dev, err := device.Open(flag.Arg(0), device.Options{})
	check(err)
	defer dev.Close()
	cache, err := backend.New(dev, cfg)
	check(err)
	defer cache.Close()
	text, err := cache.NewSequence()
	check(err)
	out, digest := make([]float32, cfg.QueryHeads*cfg.HeadDim), crc32.NewIEEE()
	for range 100 {
		for layer := range cfg.Layers {
			check(text.Append(layer, rows(cfg.KVHeads), rows(cfg.KVHeads)))
			check(text.Attend(context.Background(), layer, rows(cfg.QueryHeads), backend.RowsF32(out), backend.AttendOptions{}))
			fmt.Fprintln(digest, out)
		}
		check(text.Step(context.Background()))
	}
	s := cache.Stats()
	fmt.Printf("%d tokens, %d of them in pages: %.2f bits for K, %.2f for V\n", s.Tokens, s.Stored, s.K.Mean, s.V.Mean)
	fmt.Printf("%d promotions, digest of the attention %08x\n", s.Moves.Promoted, digest.Sum32())
}

func rows(heads int) backend.Rows {
	x := make([]float32, heads*cfg.HeadDim)
	for i := range x {
		x[i] = 2*random.Float32() - 1
	}
	return backend.RowsF32(x)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
