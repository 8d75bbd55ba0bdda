// Command forks gives one prompt three answers: they share its pages, one takes
// tokens back, and one is dropped. The argument names a device, as in decode.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

var cfg = backend.Config{Layers: 2, KVHeads: 2, HeadDim: 64, Capacity: 512, Sequences: 3,
	Policy: policy.Uniform{KeyBits: 4, ValueBits: 3}}

func main() {
	flag.Parse()
	dev, err := device.Open(flag.Arg(0), device.Options{})
	check(err)
	defer dev.Close()
	cache, err := backend.New(dev, cfg)
	check(err)
	defer cache.Close()
	first, err := cache.NewSequence()
	check(err)
	add(first, 100, 0) // the prompt
	second, err := first.Fork()
	check(err)
	third, err := first.Fork()
	check(err)
	for i, answer := range []*backend.Sequence{first, second, third} {
		add(answer, 40+10*i, i+1)
		fmt.Println(answer.Tokens(), "tokens,", answer.Stats().Stored, "of them in", answer.Stats().Pages, "pages")
	}
	together := cache.Stats().Pages
	check(second.Rollback(45))
	check(third.Drop())
	fmt.Println("together they had", together, "pages and have", cache.Stats().Pages)
}

func add(s *backend.Sequence, tokens, seed int) { // a step each
	for token := range tokens {
		x := make([]float32, cfg.KVHeads*cfg.HeadDim)
		x[token%len(x)] = float32(seed)
		for layer := range cfg.Layers {
			check(s.Append(layer, backend.RowsF32(x), backend.RowsF32(x)))
		}
		check(s.Step(context.Background()))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
