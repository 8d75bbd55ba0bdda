package backend

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// Moves counts groups whose bits changed after they were stored.
type Moves struct {
	Demoted  int64 `json:"demoted"`
	Promoted int64 `json:"promoted"`
	Missed   int64 `json:"missed"` // should have been promoted, but the host has no rows of them
}

func (m *Moves) add(n Moves) {
	m.Demoted += n.Demoted
	m.Promoted += n.Promoted
	m.Missed += n.Missed
}

// change is a page that gets new bits.
type change struct {
	pageID
	bits    []uint8 // the new mirror
	promote bool    // some group gets more bits
}

// Adapt decides the bits of all stored groups anew and moves those that change:
// fewer bits on the device alone, more bits with what the host supplies. Groups
// whose rows the host does not have keep their bits. It returns what it did,
// also when it fails; pages are moved in batches, each wholly or not at all.
func (c *Cache) Adapt(ctx context.Context) (Moves, error) {
	var done Moves
	if err := c.usable(0); err != nil {
		return done, err
	}
	for k, r := range c.rules {
		if r.Fixed || c.stored == 0 {
			continue
		}
		m, err := c.adaptKind(ctx, Kind(k))
		done.add(m)
		if err != nil {
			c.moves.add(done)
			return done, err
		}
	}
	c.moves.add(done)
	return done, c.compact(ctx)
}

// adaptKind decides and moves the pages of a kind, batch by batch.
func (c *Cache) adaptKind(ctx context.Context, kind Kind) (done Moves, err error) {
	j := c.newJudge(kind, c.tokens, c.stored)
	most := c.decideBatch()
	var batch []pageID
	for unit := range c.geo.units {
		for chunk := range c.store.chunks() {
			batch = append(batch, pageID{kind, unit, chunk})
			if len(batch) < most && (unit < c.geo.units-1 || chunk < c.store.chunks()-1) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return done, fmt.Errorf("backend: adapt: %w", err)
			}
			changes, missed, err := c.decide(j, batch)
			done.Missed += missed
			if err != nil {
				return done, err
			}
			moved, err := c.moveAll(ctx, changes)
			done.add(moved)
			if err != nil {
				return done, err
			}
			batch = batch[:0]
		}
	}
	return done, nil
}

// decideBatch is how many pages are decided at once; each may be a dispatch.
func (c *Cache) decideBatch() int {
	align := c.dev.Limits().ViewAlign
	bits := c.out.Len() / roundUp(c.geo.pageGroups, align)
	return max(1, min(bits, c.plan.Len()/c.jobWords(align)))
}

// decide returns the pages of a batch whose bits change, and how many groups
// should get more bits but cannot.
func (c *Cache) decide(j *judge, batch []pageID) (changes []change, missed int64, err error) {
	var order []pageID // by slab, as dispatched
	var at []int       // where in out the bits of each page begin
	err = c.run("decide", func(l *List) {
		plan, end := c.newPlanner(), 0
		bySlab := map[int][]pageID{}
		for _, p := range batch {
			bySlab[c.store.ref(p).Slab] = append(bySlab[c.store.ref(p).Slab], p)
		}
		for slab, pages := range sorted(bySlab) {
			words := len(pages) * c.geo.pageGroups
			c.recordDecide(l, plan, j, slab, pages, View{c.out, end, words})
			for i, p := range pages {
				order, at = append(order, p), append(at, end+i*c.geo.pageGroups)
			}
			end = roundUp(end+words, plan.align)
		}
		l.Mark("decide")
	})
	if err != nil {
		return nil, 0, err
	}
	for i, p := range order {
		ch, lacking, ok := c.compare(p, c.out.Words()[at[i]:][:c.geo.pageGroups])
		missed += lacking
		if ok {
			changes = append(changes, ch)
		}
	}
	return changes, missed, nil
}

func (c *Cache) recordDecide(l *List, plan *planner, j *judge, slab int, pages []pageID, bits View) {
	g, rule := &c.geo, c.rules[j.kind]
	words, want := j.plan(pages, func(p pageID) uint32 { return c.store.ref(p).Offset })
	push := shaders.DecidePush{Groups: uint32(bits.Words), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), WantBase: uint32(want),
		MinBits: uint32(rule.MinBits), MaxBits: uint32(rule.MaxBits), Delta: rule.delta()}
	k := constants{layout: g.layout, lanes: 1, in: c.cfg.Type, out: c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: shaders.Decide, Spec: k.spec(shaders.Decide), Push: push.Bytes(),
		Workgroups: workgroups(bits.Words),
		Views:      []View{Whole(c.store.slabs.buffers[slab]), plan.add(words), bits}})
}

// compare tells whether and how a page changes when its groups should have the
// decided bits.
func (c *Cache) compare(p pageID, decided []uint32) (ch change, missed int64, changed bool) {
	ch = change{pageID: p, bits: append([]uint8(nil), c.store.pageBits(p)...)}
	for g, old := range ch.bits {
		b := uint8(decided[g])
		switch {
		case old == failedBits || b == old:
		case b > old && !c.host.has(p, g):
			missed++
		default:
			ch.bits[g], changed = b, true
			ch.promote = ch.promote || b > old
		}
	}
	return ch, missed, changed
}
