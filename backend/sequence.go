package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
)

// Sequence is the KV rows of one text in a Cache. The newest tokens lie in a
// ring as they came; older ones in pages, quantized as the policy says.
//
// A model step appends the same number of tokens to every layer, reads each
// layer and reports its attention, and ends with Step.
type Sequence struct {
	c  *Cache
	id uint64

	ring       device.Buffer // recent window: [slot][K, V][layer][KV head][D] of the cache's type
	store      *store
	importance *importance
	remembered [2][]remembered // what a Weigher keeps, [kind][unit]
	host       hostRows

	tokens   int   // tokens of finished steps
	stored   int   // tokens in pages; the others are in the ring
	ringFrom int   // the ring has the rows of every token from this one on
	pending  []int // tokens of the current step, by layer
	appends  []appended
	steps    int

	attends []*attendList // by layer

	round round  // of adapting
	unmet *unmet // the oldest decision that could not be followed

	dropped bool
	moves   Moves
}

// NewSequence adds an empty sequence. The error wraps ErrSequences when the
// cache has as many as its configuration allows.
func (c *Cache) NewSequence() (*Sequence, error) {
	s, err := c.newSequence()
	if err != nil {
		return nil, err
	}
	c.enter(s)
	return s, nil
}

// newSequence makes an empty sequence that the cache does not know yet.
func (c *Cache) newSequence() (*Sequence, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	if n := len(c.sequences); n >= c.cfg.Sequences {
		return nil, fmt.Errorf("backend: sequence %d: limit %d: %w", n+1, c.cfg.Sequences, ErrSequences)
	}
	s := &Sequence{c: c, id: c.made, store: newStore(&c.arena), pending: make([]int, c.cfg.Layers), attends: make([]*attendList, c.cfg.Layers)}
	s.host = hostRows{pool: &c.pool, geo: &c.geo, id: s.id}
	for k := range s.remembered {
		s.remembered[k] = make([]remembered, c.geo.units)
	}
	var err error
	if s.ring, err = c.newRing(s.id); err != nil {
		return nil, err
	}
	if s.importance, err = c.newImportance(s.id); err != nil {
		s.ring.Release()
	}
	return s, err
}

// newRing makes the buffer of a recent window.
func (c *Cache) newRing(id uint64) (device.Buffer, error) {
	b, err := c.dev.NewBuffer(fmt.Sprintf("ring.%d", id), c.geo.slots*c.geo.slotWords(), device.DeviceLocal)
	if err != nil {
		return nil, fmt.Errorf("backend: recent window of sequence %d: %w", id, err)
	}
	return b, nil
}

// enter makes a sequence known to the cache.
func (c *Cache) enter(s *Sequence) {
	c.made++
	c.sequences[s.id] = s
}

// Drop ends the sequence and frees at once what it alone holds. Later calls
// fail with ErrUnknownSequence. A sequence can be dropped after the device was
// lost.
func (s *Sequence) Drop() error {
	if err := s.usable(0); err != nil && !deviceLost(err) {
		return err
	}
	s.c.abandon(s)
	s.c.unqueue(s)
	s.appendsDone()
	s.host.pool.drop(s.id)
	delete(s.c.sequences, s.id)
	s.release()
	return nil
}

// release frees what the sequence holds on the device.
func (s *Sequence) release() {
	s.dropped, s.tokens = true, 0
	for _, a := range s.attends {
		a.release()
	}
	s.store.truncate(0)
	s.ring.Release()
	s.importance.release()
	s.store, s.importance, s.ring, s.appends = nil, nil, nil, nil
}

// Tokens is the number of tokens of finished steps; 0 of a dropped sequence.
func (s *Sequence) Tokens() int {
	if s == nil {
		return 0
	}
	return s.tokens
}

// usable says why a call for a layer cannot be served.
func (s *Sequence) usable(layer int) error {
	if s == nil || s.c == nil {
		return fmt.Errorf("backend: %w", ErrUnknownSequence)
	}
	if s.c.closed {
		return s.c.usable()
	}
	if s.dropped {
		return fmt.Errorf("backend: sequence %d: %w", s.id, ErrUnknownSequence)
	}
	if s.c.failed != nil {
		return s.c.failed
	}
	if layer < 0 || layer >= s.c.cfg.Layers {
		return fmt.Errorf("backend: layer %d: the cache has layers 0..%d", layer, s.c.cfg.Layers-1)
	}
	return nil
}
