package backend

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Step ends a model step: the tokens appended to all layers become part of the
// cache, tokens that left the recent window are stored in whole pages, bits that
// were decided by an earlier Step and are ready take effect, and every
// AdaptEvery steps a round begins in which the bits of all groups are decided
// anew, batch by batch beside the steps that follow (adapter.go says in how
// many). With Config.Exact the round ends before Step returns.
//
// If storing or adapting fails, the tokens stay in the recent window or keep
// their bits, and a later Step tries again. An error of work beside the steps is
// returned by the next Step, which has done its own work then.
func (s *Sequence) Step(ctx context.Context) error {
	if err := s.usable(0); err != nil {
		return err
	}
	defer s.c.spanning("step", Calls)()
	for layer, n := range s.pending {
		if n != s.pending[0] {
			return fmt.Errorf("backend: step: layer %d got %d tokens, layer 0 got %d", layer, n, s.pending[0])
		}
	}
	if err := s.flushAppends(); err != nil {
		return err
	}
	s.tokens += s.pending[0]
	clear(s.pending)
	s.ringFrom = max(s.ringFrom, s.tokens-s.c.geo.slots)
	s.landForStep()
	if err := s.flush(ctx); err != nil {
		return err
	}
	s.steps++
	return s.adaptStep(ctx)
}

// encoded is a page that was encoded and has its place.
type encoded struct {
	pageID
	bits  []uint8
	words int
	to    *block
}

// flush stores the chunks that left the recent window; all or none.
func (s *Sequence) flush(ctx context.Context) error {
	from := s.stored / s.c.cfg.PageTokens
	to := max(from, s.c.cfg.leaving(s.tokens))
	if from == to {
		return nil
	}
	if err := s.storeChunks(ctx, from, to); err != nil {
		s.store.truncate(from)
		return joinErrors(err, s.host.truncate(s.stored))
	}
	s.stored = to * s.c.cfg.PageTokens
	return nil
}

// storeChunks encodes the chunks from..to in batches.
func (s *Sequence) storeChunks(ctx context.Context, from, to int) error {
	tokens := to * s.c.cfg.PageTokens
	if err := s.keep(ctx, s.stored, tokens); err != nil {
		return err
	}
	judges := [2]*judge{s.newJudge(shaders.Key, s.tokens, tokens), s.newJudge(shaders.Value, s.tokens, tokens)}
	var batch []pageID // of K; V has the same
	most := s.c.encodeBatch()
	for unit := range s.c.geo.units {
		for chunk := from; chunk < to; chunk++ {
			batch = append(batch, pageID{shaders.Key, unit, chunk})
			if len(batch) < most && (chunk < to-1 || !s.c.endsView(unit)) {
				continue
			}
			if err := s.storeBatch(ctx, judges, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}

// encodeLoss is what the parts of scratch of a kind lose to alignment, in units
// of it.
const encodeLoss = 2

// encodeBatch is how many pages of a kind fit the buffers at once.
func (c *Cache) encodeBatch() int {
	g := &c.geo
	slots := (c.scratch.Len()/2 - encodeLoss*c.dev.Limits().ViewAlign) / (g.pageGroups * (2 + g.slotStride))
	plans := c.plan.Len() / (2 * c.judgeWords())
	bits := c.out.Len() / (2 * g.pageGroups)
	return max(1, min(slots, plans, bits))
}

// storeBatch encodes and packs the pages of K and of V.
func (s *Sequence) storeBatch(ctx context.Context, judges [2]*judge, batch []pageID) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("backend: step: %w", err)
	}
	if err := s.encode(judges, batch); err != nil {
		return err
	}
	pages := s.c.readBits(batch)
	for from := 0; from < len(pages); {
		to, err := s.packSome(pages, from)
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// packSome packs encoded pages from one on: those for which room is found at
// once. It returns the next page.
func (s *Sequence) packSome(pages []encoded, from int) (to int, err error) {
	growths, to, err := s.placePages(pages, from)
	if err == nil {
		err = s.c.run("pack", func(l *device.List) { s.c.recordPack(l, growths, pages[from:to], from, len(pages)/2) })
	}
	if err != nil {
		for _, g := range growths {
			g.drop(&s.c.arena)
		}
		return from, err
	}
	for _, g := range growths {
		g.commit(&s.c.arena)
	}
	for i := from; i < to; i += 2 {
		s.store.add(pages[i].unit, pages[i].to, [2][]uint8{pages[i].bits, pages[i+1].bits})
	}
	return to, nil
}
