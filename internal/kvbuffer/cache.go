package kvbuffer

import "fmt"

// mostStepTokens are those that a cache takes in a step.
const mostStepTokens = 4096

// fitCache makes the cache that an op needs; the reason says why there is none.
func (b *Buffer) fitCache(a Attention) (reason string, err error) {
	n, row := a.queries(), a.KVHeads*a.HeadDim*f16Bytes
	switch {
	case a.Unfit != "":
		return a.Unfit, nil
	case row != b.layout.row:
		return fmt.Sprintf("%d KV heads of %d elements are not a row of %d bytes", a.KVHeads, a.HeadDim, b.layout.row), nil
	case n > mostStepTokens:
		return fmt.Sprintf("a batch of %d tokens, limit %d", n, mostStepTokens), nil
	}
	want := Shape{Layers: len(b.layout.tensors), KVHeads: a.KVHeads, QueryHeads: a.QueryHeads, HeadDim: a.HeadDim,
		Cells: b.layout.cells, Streams: b.layout.streams, StepTokens: min(mostStepTokens, max(n, a.MostQueries, b.shape.StepTokens))}
	if b.cache == nil {
		return b.newCache(want)
	}
	if b.shape == want {
		return "", nil
	}
	have := b.shape
	have.StepTokens = want.StepTokens
	if have != want {
		return "layers have different numbers of heads", nil
	}
	return b.newCache(want)
}

// newCache makes a cache, and brings rows of one that there was to memory.
func (b *Buffer) newCache(want Shape) (reason string, err error) {
	for _, s := range b.streams {
		if err := b.toMemory(s); err != nil {
			return "", err
		}
	}
	b.closeCache()
	cache, err := b.options.New(want)
	if err != nil {
		return err.Error(), nil
	}
	b.cache, b.shape = cache, want
	return "", nil
}
