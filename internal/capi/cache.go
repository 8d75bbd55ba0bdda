package capi

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/qaqvk/qaqvk/backend"
)

// openCache is a cache, whose calls wait for one another, and the handles that go with
// it.
type openCache struct {
	of     *openDevice
	mu     sync.Mutex // of what follows
	cache  *backend.Cache
	within map[Handle]struct{} // sequences and recordings
}

func (*openCache) kind() string { return "cache" }

// enter gives a sequence or a recording of the cache a handle.
func (c *openCache) enter(o any) Handle {
	h := enter(o)
	c.within[h] = struct{}{}
	return h
}

// leave closes the handle of one.
func (c *openCache) leave(h Handle) {
	delete(c.within, h)
	forget(h)
}

// NewCache makes a cache.
func NewCache(of Handle, c Config) (Handle, error) {
	d, err := find[*openDevice](of)
	if err != nil {
		return 0, err
	}
	cfg, err := c.config(d)
	if err != nil {
		return 0, err
	}
	open := &openCache{of: d, within: map[Handle]struct{}{}}
	err = d.use(func() (err error) {
		open.cache, err = backend.New(d.Device, cfg)
		return err
	})
	if err != nil {
		return 0, err
	}
	logf(LogInfo, "cache of %d layers, %d KV heads of %d, %d tokens, on %s", cfg.Layers, cfg.KVHeads, cfg.HeadDim, cfg.Capacity, d.Name())
	return enter(open), nil
}

// CloseCache closes a cache and the handles that go with it.
func CloseCache(h Handle) error {
	c, err := take[*openCache](h)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.within {
		c.leave(w)
	}
	c.cache.Close()
	c.of.unuse()
	logf(LogInfo, "closed a cache on %s", c.of.Name())
	return nil
}

// onCache calls f while nothing else uses the cache.
func onCache(h Handle, f func(*openCache) error) error {
	c, err := find[*openCache](h)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return f(c)
}

// CacheStats are the counters of a cache.
func CacheStats(h Handle) (s backend.Stats, err error) {
	err = onCache(h, func(c *openCache) error {
		s = c.cache.Stats()
		return nil
	})
	return s, err
}

// JSON is a snapshot as text.
func JSON(s backend.Stats, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("capi: statistics: %w: %w", err, ErrInternal)
	}
	return text, nil
}
