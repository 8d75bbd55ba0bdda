package hostcache

import (
	"errors"
	"fmt"
	"sync"
)

var (
	// ErrBudget says that rows do not fit into the byte budget.
	ErrBudget = errors.New("host budget exceeded")
	// ErrNoRow says that a row was never published, or was removed.
	ErrNoRow = errors.New("no such row")
	// ErrStored says that rows to be published or the target of a fork are
	// there already.
	ErrStored = errors.New("row is stored already")
	// ErrRange says that a key or a size lies outside its limits.
	ErrRange = errors.New("out of range")
	// ErrSlot says that the caller does not hold the slot that it hands in.
	ErrSlot = errors.New("slot is not held")
	// ErrClosed says that the cache is closed.
	ErrClosed = errors.New("host cache closed")
)

// Side is K or V.
type Side uint8

const (
	K Side = iota
	V
)

func (s Side) String() string { return [2]string{"K", "V"}[s&1] }

// Config fixes the shape of the rows and the memory.
type Config struct {
	Layers   int
	RowBytes int      // KVHeads * HeadDim * bytes of an element
	Budget   int64    // most bytes of all blocks
	Staging  [][]byte // memory of the slots, all of one size, for instance mapped device memory
}

// Stats counts what the cache holds and how often somebody waited.
type Stats struct {
	Bytes        int64 // of all blocks, what the budget limits
	StagingBytes int64 // of the slots
	Rows         int   // stored, of each sequence
	Pending      int   // rows published and not yet stored
	AcquireWaits int   // Acquire found every slot in use
	RowWaits     int   // Rows met a pending row
}

// Cache holds rows. Create it with New and end it with Close.
type Cache struct {
	config Config
	free   chan *Slot
	queue  chan job
	closed chan struct{} // closed by Close
	ended  chan struct{} // closed when the worker has ended

	mu        sync.Mutex
	changed   *sync.Cond // something arrived
	sequences map[uint64]*sequence
	slots     []*Slot
	stats     Stats
	isClosed  bool
}

// New starts an empty cache. The error wraps ErrRange.
func New(c Config) (*Cache, error) {
	h, err := idle(c)
	if err != nil {
		return nil, err
	}
	go h.work()
	return h, nil
}

// idle makes a cache whose worker does not run yet.
func idle(c Config) (*Cache, error) {
	if c.Layers < 1 || c.RowBytes < 1 || c.Budget < 0 || len(c.Staging) == 0 {
		return nil, fmt.Errorf("hostcache: %d layers, rows of %d bytes, budget of %d bytes, %d slots: %w",
			c.Layers, c.RowBytes, c.Budget, len(c.Staging), ErrRange)
	}
	h := &Cache{
		config: c,
		free:   make(chan *Slot, len(c.Staging)), queue: make(chan job, len(c.Staging)),
		closed: make(chan struct{}), ended: make(chan struct{}),
		sequences: map[uint64]*sequence{},
	}
	h.changed = sync.NewCond(&h.mu)
	for i, memory := range c.Staging {
		s := &Slot{Index: i, Bytes: memory}
		h.slots = append(h.slots, s)
		h.free <- s
		h.stats.StagingBytes += int64(len(memory))
	}
	return h, nil
}

// Stats returns the counters of this moment.
func (h *Cache) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stats
}

// Close stores what is published, ends the goroutine and drops every row.
// Calls that wait return, with ErrClosed unless their row arrived. The staging
// memory is not touched any more. Closing twice is allowed.
func (h *Cache) Close() {
	h.mu.Lock()
	first := !h.isClosed
	h.isClosed = true
	h.mu.Unlock()
	if first {
		close(h.closed)
		close(h.queue)
	}
	<-h.ended
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sequences = map[uint64]*sequence{}
	h.stats.Rows, h.stats.Bytes, h.stats.StagingBytes = 0, 0, 0
	h.slots, h.config.Staging = nil, nil
}
