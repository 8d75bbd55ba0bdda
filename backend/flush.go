package backend

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
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

// slotsOf is the part of scratch that encode fills for a kind: the bits of its
// groups, then their slots. Both parts are a whole number of slots apart.
func (c *Cache) slotsOf(k Kind) View {
	half := c.scratch.Len() / 2
	return View{Buffer: c.scratch, Offset: int(k) * half, Words: half}
}

// encode fills the slots of both kinds and brings their bits to out: those of
// K, then those of V.
func (c *Cache) encode(judges [2]*judge, batch []pageID) error {
	groups := len(batch) * c.geo.pageGroups
	return c.run("encode", func(l *List) {
		plan := c.newPlanner()
		for k, j := range judges {
			c.recordEncode(l, plan, Kind(k), j, batch)
		}
		l.Mark("encode")
		l.Barrier(Shader, Transfer)
		l.Copy(c.scratch, c.out, Region{Words: groups}, Region{Src: c.scratch.Len() / 2, Dst: groups, Words: groups})
	})
}

func (c *Cache) recordEncode(l *List, plan *planner, kind Kind, j *judge, batch []pageID) {
	g, rule := &c.geo, c.rules[kind]
	words, want := j.plan(batch, func(p pageID) uint32 {
		layer, _ := g.unitLayers(p.unit)
		return uint32(g.ringAt(p.chunk*g.pageTokens, kind, layer))
	})
	groups := len(batch) * g.pageGroups
	push := shaders.EncodePush{Groups: uint32(groups), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), TokenStride: uint32(g.slotWords()), WantBase: uint32(want),
		SlotBase: uint32(groups), SlotWords: uint32(g.slotStride), Rule: 1,
		MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.delta()}
	k := constants{layout: g.layout, lanes: groupLanes(g.layout.Group()), in: c.cfg.Type, out: c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: shaders.Encode, Spec: k.spec(shaders.Encode), Push: push.Bytes(),
		Workgroups: workgroups(groups * k.lanes),
		Views:      []View{Whole(c.ring), plan.add(words), c.slotsOf(kind)}})
}

// readBits reads the bits of a batch: pages in the order of the batch, K before
// V of a chunk, as they will lie in their segments.
func (c *Cache) readBits(batch []pageID) []encoded {
	n, words := c.geo.pageGroups, c.out.Words()
	pages := make([]encoded, 0, 2*len(batch))
	for i, p := range batch {
		for k := range c.rules {
			e := encoded{pageID: pageID{Kind(k), p.unit, p.chunk}, bits: make([]uint8, n)}
			for j := range e.bits {
				e.bits[j] = uint8(words[(k*len(batch)+i)*n+j])
				if e.bits[j] == failedBits {
					e.failed++
				}
			}
			e.words = c.store.pageWords(e.bits)
			pages = append(pages, e)
		}
	}
	return pages
}

// placePages finds room for pages, unit by unit. It returns the room that it
// took, also when it fails.
func (c *Cache) placePages(pages []encoded) (growths []growth, err error) {
	for i := 0; i < len(pages); {
		end, words := i, 0
		for end < len(pages) && pages[end].unit == pages[i].unit {
			words += pages[end].words
			end++
		}
		g, err := c.grow(pages[i].unit, end-i, words)
		if err != nil {
			return growths, err
		}
		growths = append(growths, g)
		for at := g.at; i < end; i++ {
			pages[i].at = at
			at = roundUp(at+pages[i].words, pageAlign)
		}
	}
	return growths, nil
}

// recordPack records the packing of pages: one dispatch a unit.
func (c *Cache) recordPack(l *List, growths []growth, pages []encoded) {
	copied := false
	for _, g := range growths {
		copied = g.record(l) || copied
	}
	if copied {
		l.Barrier(Transfer, Shader)
		l.Mark("grow")
	}
	plan, first := c.newPlanner(), 0
	for _, g := range growths {
		end := first
		for end < len(pages) && pages[end].unit == g.unit {
			end++
		}
		c.recordPackUnit(l, plan, g.target(), pages[first:end], first, len(pages)/2)
		first = end
	}
	l.Mark("pack")
}

// recordPackUnit packs pages of a unit; the first is number first of a batch
// that has half pages of each kind. Slots are in the order of the batch.
func (c *Cache) recordPackUnit(l *List, plan *planner, to Buffer, pages []encoded, first, half int) {
	g := &c.geo
	bitsWords, apart := g.layout.BitsWords(g.pageGroups), c.scratch.Len()/2/g.slotStride
	words := make([]uint32, 0, len(pages)*(5+bitsWords))
	for i, p := range pages {
		slot := int(p.kind)*apart + (first+i)/2*g.pageGroups
		words = append(words, uint32(slot), uint32(p.at), uint32(5*len(pages)+i*bitsWords), uint32(p.words), p.failed)
	}
	for _, p := range pages {
		words = append(words, shaders.PackBits(plainBits(p.bits))...)
	}
	push := shaders.PackPush{Groups: uint32(g.pageGroups), SlotBase: uint32(half * g.pageGroups), SlotWords: uint32(g.slotStride)}
	k := constants{layout: g.layout, lanes: 1, in: c.cfg.Type, out: c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: shaders.Pack, Spec: k.spec(shaders.Pack), Push: push.Bytes(),
		Workgroups: uint32(len(pages)), Views: []View{Whole(c.scratch), plan.add(words), Whole(to)}})
}
