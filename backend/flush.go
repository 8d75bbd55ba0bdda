package backend

import (
	"context"
	"fmt"
)

// Step ends a model step: the tokens appended to all layers become part of the
// cache, tokens that left the recent window are stored in whole pages, and
// every AdaptEvery steps the bits are adapted.
//
// If storing or adapting fails, the tokens stay in the recent window or keep
// their bits, and a later Step tries again.
func (c *Cache) Step(ctx context.Context) error {
	if err := c.usable(0); err != nil {
		return err
	}
	for layer, n := range c.pending {
		if n != c.pending[0] {
			return fmt.Errorf("backend: step: layer %d got %d tokens, layer 0 got %d", layer, n, c.pending[0])
		}
	}
	if err := c.flushAppends(); err != nil {
		return err
	}
	c.tokens += c.pending[0]
	clear(c.pending)
	if err := c.flush(ctx); err != nil {
		return err
	}
	c.steps++
	if c.cfg.AdaptEvery > 0 && c.steps%c.cfg.AdaptEvery == 0 {
		_, err := c.Adapt(ctx)
		return err
	}
	return nil
}

// encoded is a page that was encoded and has its place.
type encoded struct {
	pageID
	bits      []uint8
	failed    uint32 // groups that could not be quantized
	at, words int    // in the buffer of its unit's growth
}

// flush stores the chunks that left the recent window; all or none.
func (c *Cache) flush(ctx context.Context) error {
	from := c.stored / c.cfg.PageTokens
	to := max(from, (c.tokens-c.cfg.Window)/c.cfg.PageTokens)
	if from == to {
		return nil
	}
	if err := c.storeChunks(ctx, from, to); err != nil {
		c.store.truncate(from)
		return joinErrors(err, c.host.drop(c.stored))
	}
	c.stored = to * c.cfg.PageTokens
	return nil
}

// storeChunks encodes the chunks from..to in batches.
func (c *Cache) storeChunks(ctx context.Context, from, to int) error {
	tokens := to * c.cfg.PageTokens
	if err := c.keep(ctx, c.stored, tokens); err != nil {
		return err
	}
	judges := [2]*judge{c.newJudge(Key, c.tokens, tokens), c.newJudge(Value, c.tokens, tokens)}
	var batch []pageID // of K; V has the same
	most := c.encodeBatch()
	for unit := range c.geo.units {
		for chunk := from; chunk < to; chunk++ {
			batch = append(batch, pageID{Key, unit, chunk})
			if len(batch) < most && (unit < c.geo.units-1 || chunk < to-1) {
				continue
			}
			if err := c.storeBatch(ctx, judges, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}

// encodeBatch is how many pages of a kind fit the buffers at once.
func (c *Cache) encodeBatch() int {
	g := &c.geo
	slots := c.scratch.Len() / 2 / (g.pageGroups * (1 + g.slotStride))
	plans := c.plan.Len() / (2 * c.jobWords(c.dev.Limits().ViewAlign))
	bits := c.out.Len() / (2 * g.pageGroups)
	return max(1, min(slots, plans, bits))
}

// storeBatch encodes and packs the pages of K and of V.
func (c *Cache) storeBatch(ctx context.Context, judges [2]*judge, batch []pageID) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("backend: step: %w", err)
	}
	if err := c.encode(judges, batch); err != nil {
		return err
	}
	pages := c.readBits(batch)
	growths, err := c.placePages(pages)
	if err == nil {
		err = c.run("pack", func(l *List) { c.recordPack(l, growths, pages) })
	}
	if err != nil {
		for _, g := range growths {
			g.drop()
		}
		return err
	}
	for _, g := range growths {
		g.commit(c.store)
	}
	for _, p := range pages {
		c.store.add(c.store.lastOf(p.unit), p.pageID, p.at, p.words, p.bits)
	}
	return nil
}
