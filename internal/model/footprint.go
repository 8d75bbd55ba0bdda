package model

import (
	"errors"
	"fmt"
)

// ErrMemory says that a model does not fit in memory.
var ErrMemory = errors.New("not enough memory")

// f32Share: weights are expanded to f32 where that takes at most one part in so
// many of the memory available, which leaves room for the cache and for other
// programs. As stored, SmolLM2-135M takes 1.45 times the processor time to prefill
// and 2.3 times to decode; larger models stay in their file types.
const f32Share = 4

// Footprint is the memory that a model takes, decided before it is loaded.
type Footprint struct {
	Elements int64 // weights
	Stored   int64 // bytes of the weights in the file
	Work     int64 // bytes of vectors and of the activations of a batch
	F32      bool  // the weights are expanded to f32, else used as they are stored
	Host     Host  // what was available
}

// Need returns the bytes that the model takes: weights, which the system's page
// cache holds where they are used as they are stored, and work.
func (p Footprint) Need() int64 {
	if p.F32 {
		return 4*p.Elements + p.Work
	}
	return p.Stored + p.Work
}

// String says what was decided, with the numbers.
func (p Footprint) String() string {
	kind := "as stored"
	if p.F32 {
		kind = "as f32"
	}
	return fmt.Sprintf("%.1f M weights %s, %s of %s", float64(p.Elements)/1e6, kind, mebibytes(p.Need()), p.Host)
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+(1<<20-1))>>20) }

// room is the address space that a run takes beside its model, most of it in
// arenas of the runtime and buffers of OpenBLAS, which waits for ever where it
// gets none.
const room = 512 << 20

// decide chooses the form of the weights, or fails with ErrMemory.
func (p *Footprint) decide() error {
	p.F32 = p.Host.Known && p.Elements <= min(p.Host.Memory, p.Host.Process)/4/f32Share
	switch {
	case !p.Host.Known:
		return nil
	case p.Need() > p.Host.Memory:
		return fmt.Errorf("%s of weights and %s to work in need %s, %s: %w", mebibytes(p.Stored), mebibytes(p.Work), mebibytes(p.Need()), p.Host, ErrMemory)
	case p.Work+room > p.Host.Process:
		return fmt.Errorf("%s of address space to work in, %s left to this process (ulimit -v): %w", mebibytes(p.Work+room), mebibytes(p.Host.Process), ErrMemory)
	}
	return nil
}

// work returns the bytes that a batch of tokens takes, logits of it included.
func (c Config) work(tokens int) int64 {
	q, kv := int64(c.QueryHeads)*int64(c.HeadDim), int64(c.KVHeads)*int64(c.HeadDim)
	token := 2*int64(c.Width) + 3*q + 4*kv + 3*int64(c.Hidden) + int64(c.Rope.Dims)
	return 4 * (int64(tokens)*token + 2*int64(c.Vocab))
}
