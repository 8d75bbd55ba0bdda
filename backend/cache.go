package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/vk"
)

var (
	// ErrCapacity says that the cache cannot hold more tokens.
	ErrCapacity = errors.New("cache full")
	// ErrClosed says that the cache was closed.
	ErrClosed = errors.New("cache closed")
)

// Cache is the KV cache of one sequence on a device. The newest tokens lie in a
// ring as they came; older ones in pages, quantized as the policy says. It is
// not safe for use by several goroutines at once.
//
// A model step appends the same number of tokens to every layer, reads each
// layer and reports its attention, and ends with Step. An error leaves the
// cache as it was before the call, unless the device was lost.
type Cache struct {
	dev   Device
	cfg   Config
	geo   geometry
	rules [2]Rule

	buffers
	store      *store
	importance *importance
	host       *hostRows
	lists      map[string]*List // the last list of each role

	tokens  int   // tokens of finished steps
	stored  int   // tokens in pages; the others are in the ring
	pending []int // tokens of the current step, by layer
	appends []appended
	staged  int // words of rows in use by appends
	steps   int

	failed  error // sticky: the device was lost
	closed  bool
	moves   Moves
	times   map[string]time.Duration
	submits int64
}

// New makes an empty cache. All misuse of the configuration is found here; its
// errors wrap ErrConfig.
func New(dev Device, cfg Config) (*Cache, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	geo, err := newGeometry(cfg)
	if err != nil {
		return nil, err
	}
	if err := cfg.Policy.Check(Shape{cfg.Layers, cfg.KVHeads, cfg.HeadDim}); err != nil {
		return nil, err
	}
	c := &Cache{dev: dev, cfg: cfg, geo: geo, lists: map[string]*List{}, times: map[string]time.Duration{}}
	c.rules = [2]Rule{cfg.Policy.Rule(Key), cfg.Policy.Rule(Value)}
	for k, r := range c.rules {
		if err := r.check(Kind(k)); err != nil {
			return nil, err
		}
	}
	c.pending = make([]int, cfg.Layers)
	c.store = newStore(&c.geo)
	c.importance = newImportance(cfg)
	if err := c.allocate(); err != nil {
		c.buffers.release()
		return nil, err
	}
	return c, nil
}

// deviceLost tells whether nothing can be done on the device any more.
func deviceLost(err error) bool { return errors.Is(err, vk.ErrDeviceLost) }

func (r Rule) check(k Kind) error {
	if r.MinBits < 0 || r.MinBits > 8 || r.MaxBits < r.MinBits || r.MaxBits > 8 && r.MaxBits != rawBits {
		return fmt.Errorf("backend: policy: bits %d..%d for %s: must be within 0..8, or up to 16: %w", r.MinBits, r.MaxBits, k, ErrConfig)
	}
	return nil
}

// Close releases everything that the cache holds on the device and the host.
func (c *Cache) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	for _, l := range c.lists {
		l.Release()
	}
	c.store.release()
	c.host.close()
	c.buffers.release()
	return nil
}

// Tokens is the number of tokens of finished steps.
func (c *Cache) Tokens() int { return c.tokens }

// usable says why a call for a layer cannot be served.
func (c *Cache) usable(layer int) error {
	switch {
	case c.closed:
		return fmt.Errorf("backend: %w", ErrClosed)
	case c.failed != nil:
		return c.failed
	case layer < 0 || layer >= c.cfg.Layers:
		return fmt.Errorf("backend: layer %d: the cache has layers 0..%d", layer, c.cfg.Layers-1)
	}
	return nil
}

// run records a list in a role, runs it and waits for its end. Lists are short,
// so the wait is not cut off: its buffers are free for the next one.
func (c *Cache) run(role string, record func(*List)) error {
	l := c.lists[role]
	if l == nil {
		l = NewList(c.dev)
		c.lists[role] = l
	}
	l.Reset()
	record(l)
	c.submits++
	t, err := c.dev.Submit(l)
	if err == nil {
		err = t.Wait(context.Background())
	}
	if err != nil {
		err = fmt.Errorf("backend: %s: %w", role, err)
		if deviceLost(err) {
			c.failed = err
		}
		return err
	}
	for kernel, d := range t.Times() {
		c.times[kernel] += d
	}
	return nil
}

// Lists are the last recorded list of each role: append, read, keep, encode,
// pack, decide, ranges, move, promote. They can be printed and, while the cache is
// open and unchanged, submitted again.
func (c *Cache) Lists() map[string]*List { return c.lists }
