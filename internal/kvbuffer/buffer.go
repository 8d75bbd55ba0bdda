package kvbuffer

import (
	"fmt"
	"sync"

	"github.com/qaqvk/qaqvk/backend"
)

// Shape is what a buffer tells of the model: what its cache must hold.
type Shape struct {
	Layers, KVHeads, QueryHeads, HeadDim int

	Cells      int // of a stream
	Streams    int
	StepTokens int // most tokens of a step
}

// Options are what a buffer needs of its surroundings.
type Options struct {
	// New makes the cache. Where it fails, rows stay in memory.
	New func(Shape) (*backend.Cache, error)
	// Log is told what a user should know, a line at a time.
	Log func(line string)
	// Observe, where not nil, is told of rows that enter the cache, and of the queries.
	Observe func(Observed)
}

// Counts are what was done so far.
type Counts struct {
	SetRows  int64 `json:"set_rows"`  // ops that wrote rows of a layer, K or V
	Attended int64 `json:"attended"`  // attention ops of a stream from the cache
	Host     int64 `json:"host"`      // attention ops of a stream from memory
	Rolled   int64 `json:"rolled"`    // tokens rolled back
	Absorbed int64 `json:"absorbed"`  // tokens that went from memory to the cache
	ToMemory int64 `json:"to_memory"` // tokens that went from the cache to memory
}

// Buffer is a KV buffer. It may be used by several goroutines, one at a time.
type Buffer struct {
	mu      sync.Mutex
	options Options
	mem     []byte
	told    []Tensor // until they are laid out
	layout  *layout  // nil: not laid out, or none that a cache can hold
	laidOut bool

	streams []*stream
	waiting [][2]rows // by layer: rows that were written and not attended to yet
	copying *copying
	cache   *backend.Cache
	shape   Shape // of the cache
	capped  bool  // attention has a soft cap
	said    map[string]bool
	counts  Counts
	scratch scratch
}

// New returns a buffer in the memory, which is zero and untouched.
func New(mem []byte, o Options) *Buffer {
	return &Buffer{mem: mem, options: o, said: map[string]bool{}}
}

// Close gives the cache back. The memory is the caller's.
func (b *Buffer) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closeCache()
}

func (b *Buffer) closeCache() {
	for _, s := range b.streams {
		s.seq = nil
	}
	if b.cache != nil {
		b.cache.Close()
		b.cache = nil
	}
}

// Stats returns the counters of this moment; ok is false before there is a cache.
func (b *Buffer) Stats() (counts Counts, stats backend.Stats, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cache == nil {
		return b.counts, backend.Stats{}, false
	}
	return b.counts, b.cache.Stats(), true
}

// say logs a line once.
func (b *Buffer) say(format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	if !b.said[line] {
		b.said[line] = true
		b.options.Log(line)
	}
}

// prepare lays the tensors out when they are used for the first time.
func (b *Buffer) prepare() {
	if b.laidOut {
		return
	}
	b.laidOut = true
	l, err := newLayout(b.told)
	if err != nil {
		b.say("rows stay in host memory: %v", err)
		return
	}
	b.layout, b.waiting = l, make([][2]rows, len(l.tensors))
	for i := range l.streams {
		b.streams = append(b.streams, newStream(i, l.cells))
	}
}
