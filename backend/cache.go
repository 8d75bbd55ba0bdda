package backend

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/attend"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/hostrows"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/store"
	"github.com/qaqvk/qaqvk/backend/internal/window"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// Cache is what the sequences on a device share: the configuration, staging
// memory, the host's copy of rows, and the pages that forks have in common. It
// and its sequences are for one goroutine at a time.
//
// An error leaves the cache and its sequences as they were before the call, unless
// it wraps ErrDeferred (Step) or the device was lost: then every later call fails,
// and the cache can only be closed.
type Cache struct {
	cfg       Config
	work      *core.Work
	codec     codec.Codec
	scheme    scheme
	staging   *window.Staging
	attention *attend.Attention
	arena     *pages.Arena
	host      *hostrows.Pool
	adapter   *adapt.Adapter
	encoding  core.Pace

	sequences  map[uint64]*Sequence
	recordings []*Recording // that are not ended
	recorded   bool         // there has been one
	made       uint64       // sequences so far: the next one's id
	closed     bool
}

// New makes a cache without sequences. All misuse of the configuration is found
// here; its errors wrap ErrConfig.
func New(dev device.Device, cfg Config) (*Cache, error) {
	if dev == nil {
		return nil, fmt.Errorf("backend: new cache: no device: %w", ErrConfig)
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	geo, err := cfg.geometry()
	if err != nil {
		return nil, err
	}
	c := &Cache{cfg: cfg, work: &core.Work{Geometry: geo, Device: dev, Limits: dev.Limits()}, sequences: map[uint64]*Sequence{}}
	c.work.Run = core.NewRunner(dev, "backend: ", c.spans(CallsDevice), c.work.Lost)
	if err := c.build(); err != nil {
		c.release()
		return nil, err
	}
	return c, nil
}

// build makes the parts. On an error, those made are left for release.
func (c *Cache) build() (err error) {
	w := c.work
	c.encoding = store.NewPace(c.cfg.MaxSubmit, w.Geometry)
	records, err := c.makeScheme()
	if err != nil {
		return err
	}
	if err = c.makeStaging(); err != nil {
		return err
	}
	c.staging = window.NewStaging(w)
	if c.host, err = hostrows.NewPool(w, c.cfg.HostBudget, c.hostWords()); err != nil {
		return err
	}
	if c.arena, err = pages.NewArena(w.Device, w.Geometry, c.reserveWords(), c.reserveSegments()); err != nil {
		return err
	}
	if c.attention, err = attend.New(w, records, c.arena, c.cfg.MaxSubmit); err != nil {
		return err
	}
	run := core.NewRunner(w.Device, "backend: adapt: ", c.spans(AdaptationDevice), func(err error) error { return err })
	c.adapter, err = adapt.New(w, c.codec, c.scheme, c.arena, run, c.cfg.MaxSubmit, c.spans(Adaptation))
	return err
}

// makeScheme makes the scheme and its codec; records is the latter where it is the
// calibrated one.
func (c *Cache) makeScheme() (records *codec.Calibrated, err error) {
	if c.cfg.Profile != nil {
		k, err := newCalibrated(c.work, c.cfg)
		if err != nil {
			return nil, err
		}
		c.codec, c.scheme = k.codec, k
		return k.codec, nil
	}
	r, err := newRanged(c.work, c.cfg.Policy)
	if err != nil {
		return nil, err
	}
	c.codec, c.scheme = codec.NewRanged(c.work), r
	return nil, nil
}

// Close drops every sequence and releases everything that the cache holds on
// the device and the host. Recordings that are not ended are discarded: no command
// buffer may be running that they recorded into.
func (c *Cache) Close() {
	if c.closed {
		return
	}
	c.closed = true
	for len(c.recordings) > 0 {
		c.recordings[0].Discard()
	}
	c.adapter.Abandon(nil)
	for _, s := range c.sequences {
		s.release()
	}
	clear(c.sequences)
	c.release()
}

// release frees the parts, of which some may not have been made.
func (c *Cache) release() {
	if c.adapter != nil {
		c.adapter.Close()
	}
	if c.arena != nil {
		c.arena.Close()
	}
	if c.attention != nil {
		c.attention.Release()
	}
	if c.host != nil {
		c.host.Close()
	}
	if c.scheme != nil {
		c.scheme.close()
	}
	c.work.Run.Release()
	core.Release(c.work.Rows, c.work.Plan, c.work.Scratch, c.work.Out, c.work.Clamped)
}

// usable says why nothing can be done with the cache.
func (c *Cache) usable() error {
	if c.closed {
		return fmt.Errorf("backend: %w", ErrClosed)
	}
	return c.work.Failed()
}

// Ranged tells whether stored groups have ranges of their own: whether there is neither a
// profile nor a policy that leaves rows as they came.
func (c *Cache) Ranged() bool { return c.cfg.Profile == nil && c.cfg.Policy != (policy.None{}) }

// TimeKernels makes Stats.Times tell of each kernel of Attend, or, as at first, of no
// more than "attend", the time of calls that are long. Drivers may take as long to note
// the time as for a small kernel.
func (c *Cache) TimeKernels(each bool) { c.attention.TimeKernels = each }

// Lists are the last recorded list of each role: append, read, observe, keep,
// reduce_importance, encode, pack, compact, choose_bits, ranges, move, promote, fork,
// restore. They can be printed and, while the cache is open and unchanged,
// submitted again.
func (c *Cache) Lists() map[string]*device.List {
	lists := c.adapter.Lists()
	maps.Copy(lists, c.work.Run.Lists())
	return lists
}

// inOrder are the sequences in the order in which they were made.
func (c *Cache) inOrder() []*Sequence {
	var list []*Sequence
	for _, id := range slices.Sorted(maps.Keys(c.sequences)) {
		list = append(list, c.sequences[id])
	}
	return list
}

// counts are what both runners did.
func (c *Cache) counts() (submits int64, times map[string]time.Duration) {
	calls, adapting := c.work.Run.Counts(), c.adapter.Counts()
	for mark, d := range adapting.Times {
		calls.Times[mark] += d
	}
	return calls.Submits + adapting.Submits, calls.Times
}
