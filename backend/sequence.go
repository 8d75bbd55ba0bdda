package backend

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/attend"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/hostrows"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/window"
	"github.com/qaqvk/qaqvk/vk"
)

// Sequence is the KV rows of one text in a Cache. The newest tokens lie in a
// ring as they came; older ones in pages, quantized as the policy says.
//
// A model step appends the same number of tokens to every layer, attends or
// reads each layer, and ends with Step.
type Sequence struct {
	extent  core.Extent
	c       *Cache
	id      uint64
	pending []int // tokens of the current step, by layer
	steps   int   // that have entered tokens
	due     bool  // a round of adaptation is to begin

	sinceRound int // steps since the last one became due, tokens with a profile

	window   *window.Window
	used     ringUse // of the window's ring
	table    *pages.Table
	state    state
	host     *hostrows.Rows
	adapting *adapt.Sequence
	attends  []*attend.Lists // by layer

	dropped bool
}

// NewSequence adds an empty sequence. The error wraps ErrSequences when the
// cache has as many as its configuration allows.
func (c *Cache) NewSequence() (*Sequence, error) {
	s, err := c.newSequence(c.firstRing())
	if err != nil {
		return nil, err
	}
	c.enter(s)
	return s, nil
}

// newSequence makes an empty sequence, whose ring has room for so many tokens, that the
// cache does not know yet.
func (c *Cache) newSequence(ring int) (*Sequence, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	if n := len(c.sequences); n >= c.cfg.Sequences {
		return nil, fmt.Errorf("backend: sequence %d: limit %d: %w", n+1, c.cfg.Sequences, ErrSequences)
	}
	s := &Sequence{c: c, id: c.made, pending: make([]int, c.cfg.Layers), attends: make([]*attend.Lists, c.cfg.Layers)}
	var err error
	if s.window, err = c.staging.New(s.id, ring); err != nil {
		return nil, err
	}
	if s.state, err = c.scheme.newState(s); err != nil {
		s.window.Release()
		return nil, err
	}
	s.table, s.host = c.arena.NewTable(), c.host.NewRows(s.id)
	s.adapting = c.adapter.NewSequence(&s.extent, s.table, s.host, s.state.choosing)
	return s, nil
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
	if err := s.idle(0); err != nil && !errors.Is(err, vk.ErrDeviceLost) {
		return err
	}
	s.c.adapter.Abandon(s.adapting)
	s.host.Drop()
	delete(s.c.sequences, s.id)
	s.release()
	return nil
}

// release frees what the sequence holds on the device.
func (s *Sequence) release() {
	s.dropped, s.extent = true, core.Extent{}
	for _, a := range s.attends {
		a.Release()
	}
	s.table.Close()
	s.window.Release()
	s.state.release()
	s.table, s.state, s.window, s.attends = nil, nil, nil, nil
}

// Tokens is the number of tokens of finished steps; 0 of a dropped sequence.
func (s *Sequence) Tokens() int {
	if s == nil {
		return 0
	}
	return s.extent.Tokens
}

// layerTokens are the tokens of a layer, those of the current step included.
func (s *Sequence) layerTokens(layer int) int { return s.extent.Tokens + s.pending[layer] }

// idle says why a call for a layer cannot be served that uses or changes what
// recorded attention reads.
func (s *Sequence) idle(layer int) error {
	if err := s.usable(layer); err != nil {
		return err
	}
	if n := len(s.c.recordings); n > 0 {
		return fmt.Errorf("backend: %d recordings are not ended: %w", n, ErrRecorded)
	}
	return nil
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
	if err := s.c.usable(); err != nil {
		return err
	}
	if layer < 0 || layer >= s.c.cfg.Layers {
		return typed{fmt.Errorf("backend: layer %d: the cache has layers 0..%d", layer, s.c.cfg.Layers-1), ErrRange}
	}
	return nil
}
