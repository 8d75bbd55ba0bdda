package backend

import (
	"context"
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/store"
)

// Step ends a model step: the tokens appended to all layers become part of the
// cache, tokens that left the recent window are stored in whole pages, bits that
// were chosen by an earlier Step and are ready take effect, and every
// AdaptEvery steps a round begins in which the bits of all groups are chosen
// anew, batch by batch, while later steps go on. With Config.Synchronous the round ends
// before Step returns.
//
// When it fails, the tokens are not in and Step may be repeated; or they are, and
// the error wraps ErrDeferred: what was left of storing and adapting is done by a
// later Step, and the tokens stay in the recent window or keep their bits until
// then. Without new tokens Step does no more than that. An error of a batch that
// went on meanwhile is returned by the next Step, which has done its own work then;
// with Config.Synchronous, a choice that could not be followed is one that wraps
// ErrHostBudget too. The error wraps ErrUnfinishedStep when layers got different
// tokens, and that of a cancelled context.
func (s *Sequence) Step(ctx context.Context) error {
	if err := s.idle(0); err != nil {
		return err
	}
	defer s.c.span("step")()
	if err := s.checkStep(ctx); err != nil {
		return fmt.Errorf("backend: step: %w", err)
	}
	if err := s.window.Flush(); err != nil {
		return err
	}
	s.enter()
	err := s.finishStep(ctx)
	if err != nil && s.c.work.Failed() == nil {
		err = fmt.Errorf("%w: %w", err, ErrDeferred)
	}
	return err
}

// checkStep says why the tokens of a step cannot be entered.
func (s *Sequence) checkStep(ctx context.Context) error {
	for layer, n := range s.pending {
		if n != s.pending[0] {
			return typed{fmt.Errorf("layer %d got %d tokens, layer 0 got %d", layer, n, s.pending[0]), ErrUnfinishedStep}
		}
	}
	return ctx.Err()
}

// enter makes the tokens of the step, whose rows are in the ring, part of the cache.
func (s *Sequence) enter() {
	if s.pending[0] == 0 {
		return
	}
	n := s.pending[0]
	s.extent.Tokens += n
	clear(s.pending)
	s.window.Advance(s.extent.Tokens)
	s.used = ringUse{s.used.steps + 1, max(s.used.tokens, s.extent.Tokens-s.extent.Stored)}
	s.steps++
	s.sinceRound += s.c.scheme.roundUnits(n)
	if every := s.c.cfg.AdaptEvery; every > 0 && s.sinceRound >= every {
		s.due, s.sinceRound = s.due || s.c.scheme.Adapts(), 0
	}
}

// finishStep does what the tokens that are in have made due.
func (s *Sequence) finishStep(ctx context.Context) error {
	s.extent.Steps = s.steps - 1 // what lands counts this one
	s.c.adapter.LandReady(s.adapting, s.leaving() > s.storedPages())
	err := s.store(ctx)
	s.extent.Steps = s.steps
	if err != nil {
		return err
	}
	if err := s.freePages(); err != nil {
		return err
	}
	if err := s.trimRing(); err != nil {
		return err
	}
	if err := s.regulate(ctx); err != nil {
		return err
	}
	return s.adaptStep(ctx)
}

// freePages frees the pages that no query to come sees, not even after a rollback
// within a whole ring, and gives up the host's rows of their tokens. While a batch of the
// sequence is in flight they stay, and the last page of a layer group always does.
func (s *Sequence) freePages() error {
	if s.c.cfg.LayerWindows == nil || s.c.adapter.InFlight(s.adapting) {
		return nil
	}
	for lg := range s.c.work.LayerGroups {
		out := s.extent.Tokens - s.c.work.WholeRing() - s.c.groupWindow(lg)
		if out <= 0 || s.c.groupWindow(lg) == 0 {
			continue
		}
		s.table.Free(lg, min(out/s.c.cfg.PageTokens, s.storedPages()-1))
		if err := s.host.GiveUp(lg, s.table.Freed(lg)*s.c.cfg.PageTokens-s.restored()); err != nil {
			return err
		}
	}
	if u := s.adapting.Shortfall; u != nil && u.Page.Page < s.table.Freed(u.Page.LayerGroup) {
		s.adapting.Shortfall = nil
	}
	return nil
}

// restored are the most tokens before the end of a rollback whose rows it brings back
// to the ring: those of the recent window and of a page that is not full.
func (s *Sequence) restored() int { return s.c.cfg.Recent + s.c.cfg.PageTokens }

// groupWindow is the largest window of the layers of a layer group, 0 if one has
// none.
func (c *Cache) groupWindow(layerGroup int) (window int) {
	layer, layers := c.work.LayersOf(layerGroup)
	for ; layer < layers; layer++ {
		w := c.cfg.layerWindow(layer)
		if w == 0 {
			return 0
		}
		window = max(window, w)
	}
	return window
}

// storedPages are the pages of a layer group that are stored, leaving those that
// have left the recent window.
func (s *Sequence) storedPages() int { return s.extent.Stored / s.c.cfg.PageTokens }
func (s *Sequence) leaving() int     { return s.c.work.WholePages(s.extent.Tokens) }

// store stores the pages that left the recent window; all or none.
func (s *Sequence) store(ctx context.Context) error {
	from, to := s.storedPages(), s.leaving()
	if to <= from {
		return nil
	}
	tokens := to * s.c.cfg.PageTokens
	err := s.host.Keep(ctx, s.window.Ring, s.extent.Stored, tokens)
	if err == nil {
		err = (&store.Storing{Work: s.c.work, Codec: s.c.codec, Table: s.table, Encoder: s.state.encoder(tokens), Compact: s.compact, Pace: &s.c.encoding}).Store(ctx, from, to)
	}
	if err != nil {
		s.table.Truncate(from)
		return joinErrors(err, s.host.Truncate(s.extent.Stored))
	}
	s.extent.Stored = tokens
	return nil
}

// compact gathers the free room of the reserve for pages that find none, once no batch is in
// flight.
func (s *Sequence) compact() error {
	s.c.adapter.LandInStep(s.adapting)
	if err := s.c.usable(); err != nil {
		return err
	}
	return s.c.arena.Compact(s.c.work.Run, s.c.work.Out, pages.LastPart)
}

// joinErrors keeps a single error as it is, so that its text stays one line.
func joinErrors(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}
