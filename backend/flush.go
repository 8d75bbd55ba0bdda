package backend

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/internal/arena"
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
	ref    arena.Ref
	bits   []uint8
	failed uint32 // groups that could not be quantized
	words  int
}

// flush stores the chunks that left the recent window; all or none.
func (c *Cache) flush(ctx context.Context) error {
	from := c.stored / c.cfg.PageTokens
	to := max(from, (c.tokens-c.cfg.Window)/c.cfg.PageTokens)
	if from == to {
		return nil
	}
	pages, err := c.storeChunks(ctx, from, to)
	if err != nil {
		for _, p := range pages {
			err = joinErrors(err, c.store.arena.Free(p.ref))
		}
		return joinErrors(err, c.host.drop(c.stored))
	}
	for _, p := range pages {
		c.store.add(p.pageID, p.ref, p.bits)
	}
	c.stored = to * c.cfg.PageTokens
	return nil
}

// storeChunks encodes the chunks from..to in batches. It returns the pages that
// have a place, also when it fails.
func (c *Cache) storeChunks(ctx context.Context, from, to int) (done []encoded, err error) {
	tokens := to * c.cfg.PageTokens
	if err := c.keep(ctx, c.stored, tokens); err != nil {
		return nil, err
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
			pages, err := c.storeBatch(ctx, judges, batch)
			done = append(done, pages...)
			if err != nil {
				return done, err
			}
			batch = batch[:0]
		}
	}
	return done, nil
}

// encodeBatch is how many pages of a kind fit the buffers at once.
func (c *Cache) encodeBatch() int {
	g, align := &c.geo, c.dev.Limits().ViewAlign
	slots := c.scratch.Len() / 2 / (g.pageGroups * (1 + g.slotStride))
	plans := c.plan.Len() / (2 * c.jobWords(align))
	bits := c.out.Len() / (2 * g.pageGroups)
	return max(1, min(slots, plans, bits))
}

// storeBatch encodes and packs the pages of K and of V.
func (c *Cache) storeBatch(ctx context.Context, judges [2]*judge, batch []pageID) ([]encoded, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("backend: step: %w", err)
	}
	if err := c.encode(judges, batch); err != nil {
		return nil, err
	}
	pages, err := c.placePages(batch)
	if err != nil {
		return pages, err
	}
	return pages, c.run("pack", func(l *List) {
		c.recordPack(l, pages)
		l.Mark("pack")
	})
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

// placePages reads the bits of a batch and finds room for its pages, K first.
// It returns those that have a place, also when it fails.
func (c *Cache) placePages(batch []pageID) (pages []encoded, err error) {
	n, words := c.geo.pageGroups, c.out.Words()
	for k := range c.rules {
		for _, p := range batch {
			e := encoded{pageID: pageID{Kind(k), p.unit, p.chunk}, bits: make([]uint8, n)}
			for i := range e.bits {
				e.bits[i] = uint8(words[i])
				if e.bits[i] == failedBits {
					e.failed++
				}
			}
			words = words[n:]
			e.words = c.store.pageWords(e.bits)
			if e.ref, err = c.store.arena.Alloc(e.words); err != nil {
				return pages, fmt.Errorf("backend: step: %w", err)
			}
			pages = append(pages, e)
		}
	}
	return pages, nil
}

// recordPack records the packing of pages, K before V: one dispatch a slab.
// Slots are in the order of the pages.
func (c *Cache) recordPack(l *List, pages []encoded) {
	g, plan := &c.geo, c.newPlanner()
	bitsWords, apart := g.layout.BitsWords(g.pageGroups), c.scratch.Len()/2/g.slotStride
	bySlab := map[int][]int{}
	for i, p := range pages {
		bySlab[p.ref.Slab] = append(bySlab[p.ref.Slab], i)
	}
	for slab, members := range sorted(bySlab) {
		words := make([]uint32, 0, len(members)*(5+bitsWords))
		for i, m := range members {
			p, half := pages[m], len(pages)/2
			slot := m/half*apart + m%half*g.pageGroups
			words = append(words, uint32(slot), p.ref.Offset, uint32(5*len(members)+i*bitsWords), uint32(p.words), p.failed)
		}
		for _, m := range members {
			words = append(words, shaders.PackBits(plainBits(pages[m].bits))...)
		}
		push := shaders.PackPush{Groups: uint32(g.pageGroups), SlotBase: uint32(len(pages) / 2 * g.pageGroups), SlotWords: uint32(g.slotStride)}
		k := constants{layout: g.layout, lanes: 1, in: c.cfg.Type, out: c.cfg.Type}
		l.Dispatch(Dispatch{Kernel: shaders.Pack, Spec: k.spec(shaders.Pack), Push: push.Bytes(),
			Workgroups: uint32(len(members)),
			Views:      []View{Whole(c.scratch), plan.add(words), Whole(c.store.slabs.buffers[slab])}})
	}
}
