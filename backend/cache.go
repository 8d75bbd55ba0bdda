package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
	"github.com/qaqvk/qaqvk/vk"
)

var (
	// ErrCapacity says that a sequence cannot hold more tokens.
	ErrCapacity = errors.New("cache full")
	// ErrSequences says that the cache cannot hold more sequences.
	ErrSequences = errors.New("too many sequences")
	// ErrUnknownSequence says that a sequence was dropped.
	ErrUnknownSequence = errors.New("unknown sequence")
	// ErrUnfinishedStep says that tokens were appended and Step was not called.
	ErrUnfinishedStep = errors.New("step not finished")
	// ErrRollback says that rows which a rollback needs are nowhere.
	ErrRollback = errors.New("rows are gone")
	// ErrShape says that rows have another shape than those of the cache.
	ErrShape = errors.New("rows of another shape")
	// ErrQueries says that there are more queries than tokens, or too many.
	ErrQueries = errors.New("too many queries")
	// ErrClosed says that the cache was closed.
	ErrClosed = errors.New("cache closed")
)

// shapeError is an ErrShape that says which.
type shapeError struct{ error }

func (e shapeError) Is(target error) bool { return target == ErrShape }
func (e shapeError) Unwrap() error        { return e.error }

// Cache is what the sequences on a device share: the configuration, staging
// memory, the host's copy of rows, and the pages that forks have in common. It
// and its sequences are for one goroutine at a time.
//
// An error leaves the cache and its sequences as they were before the call,
// unless the device was lost: then every later call fails, and the cache can
// only be closed.
type Cache struct {
	dev   device.Device
	cfg   Config
	geo   geometry
	rules [2]policy.Rule

	weigher policy.Weigher // the policy, where it is one
	buffers
	arena     arena
	adapter   adapter
	pool      hostPool
	lists     map[string]*device.List // the last list of each role
	sequences map[uint64]*Sequence
	made      uint64 // sequences so far: the next one's id
	staged    int    // words of rows in use by appends
	waiting   int    // appends that use them

	failed   error // sticky: the device was lost
	closed   bool
	moves    Moves
	adapting Adapting
	times    map[string]time.Duration
	submits  int64
}

// New makes a cache without sequences. All misuse of the configuration is found
// here; its errors wrap ErrConfig.
func New(dev device.Device, cfg Config) (*Cache, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	geo, err := newGeometry(cfg)
	if err != nil {
		return nil, err
	}
	if err := cfg.Policy.Check(policy.Shape{Layers: cfg.Layers, KVHeads: cfg.KVHeads, HeadDim: cfg.HeadDim}); err != nil {
		return nil, err
	}
	c := &Cache{dev: dev, cfg: cfg, geo: geo, lists: map[string]*device.List{}, sequences: map[uint64]*Sequence{}, times: map[string]time.Duration{}}
	if err := c.takeRules(); err != nil {
		return nil, err
	}
	if err := c.checkImportance(); err != nil {
		return nil, err
	}
	err = c.allocate()
	if err == nil {
		err = c.allocateAdapter()
	}
	if err == nil {
		err = c.allocateArena()
	}
	if err != nil {
		c.releaseBuffers()
		return nil, err
	}
	return c, nil
}

// takeRules asks the policy for its rules.
func (c *Cache) takeRules() error {
	c.rules = [2]policy.Rule{c.cfg.Policy.Rule(shaders.Key), c.cfg.Policy.Rule(shaders.Value)}
	c.weigher, _ = c.cfg.Policy.(policy.Weigher)
	for k, r := range c.rules {
		switch {
		case r.MinBits < 0 || r.MinBits > 8 || r.MaxBits < r.MinBits || r.MaxBits > 8 && r.MaxBits != shaders.RawBits:
			return fmt.Errorf("backend: policy: bits %d..%d for %s: must be within 0..8, or up to 16: %w", r.MinBits, r.MaxBits, shaders.Kind(k), policy.ErrConfig)
		case r.Weight > policy.WeightCustom:
			return fmt.Errorf("backend: policy: weight %d for %s: must be 0..%d: %w", r.Weight, shaders.Kind(k), policy.WeightCustom, policy.ErrConfig)
		case r.Weight == policy.WeightCustom && c.weigher == nil:
			return fmt.Errorf("backend: policy %s: custom weights for %s: it must be a Weigher: %w", c.cfg.Policy.Name(), shaders.Kind(k), policy.ErrConfig)
		}
	}
	return nil
}

// deviceLost tells whether nothing can be done on the device any more.
func deviceLost(err error) bool { return errors.Is(err, vk.ErrDeviceLost) }

// Close drops every sequence and releases everything that the cache holds on
// the device and the host.
func (c *Cache) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	c.abandon(nil)
	for _, l := range c.lists {
		l.Release()
	}
	for _, s := range c.sequences {
		s.release()
	}
	clear(c.sequences)
	c.releaseBuffers()
	return nil
}

// usable says why nothing can be done with the cache.
func (c *Cache) usable() error {
	if c.closed {
		return fmt.Errorf("backend: %w", ErrClosed)
	}
	return c.failed
}

// run records a list in a role, runs it and waits for its end. Lists are short,
// so the wait is not cut off: its buffers are free for the next one.
func (c *Cache) run(role string, record func(*device.List)) error {
	l := c.lists[role]
	if l == nil {
		l = device.NewList(c.dev)
		c.lists[role] = l
	}
	l.Reset()
	record(l)
	return c.submit(role, l)
}

// submit runs a list and waits for its end. Lists are short, so the wait is not
// cut off: its buffers are free for the next one.
func (c *Cache) submit(role string, l *device.List) error {
	defer c.spanning(role, CallsDevice)()
	c.submits++
	t, err := c.dev.Submit(l)
	if err == nil {
		err = t.Wait(context.Background())
	}
	if err != nil {
		return c.lost(fmt.Errorf("backend: %s: %w", role, err))
	}
	for kernel, d := range t.Times() {
		c.times[kernel] += d
	}
	return nil
}

// Lists are the last recorded list of each role: append, read, observe, keep,
// weigh, encode, pack, compact, decide, ranges, move, promote, fork, restore. They can be
// printed and, while the cache is open and unchanged, submitted again.
func (c *Cache) Lists() map[string]*device.List {
	if a := c.adapter.flight; a != nil {
		<-a.done
	}
	return c.lists
}
