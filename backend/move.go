package backend

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/internal/arena"
	"github.com/qaqvk/qaqvk/shaders"
)

// moved is a change on its way: the new place, and where in the supply what it
// lacks begins.
type moved struct {
	change
	ref    arena.Ref
	words  int
	supply int
}

// moveAll rewrites the changed pages in batches that fit the staging buffers.
func (c *Cache) moveAll(ctx context.Context, changes []change) (done Moves, err error) {
	for len(changes) > 0 {
		if err := ctx.Err(); err != nil {
			return done, fmt.Errorf("backend: adapt: %w", err)
		}
		n := c.moveBatch(changes)
		m, err := c.move(changes[:n])
		done.add(m)
		if err != nil {
			return done, err
		}
		changes = changes[n:]
	}
	return done, nil
}

// moveBatch is how many of the changes can be made at once, at least one.
func (c *Cache) moveBatch(changes []change) int {
	g := &c.geo
	perPlan := c.plan.Len() / c.jobWords(c.dev.Limits().ViewAlign)
	perOut := c.out.Len() / (g.pageGroups * g.layout.RangeWords())
	supply, words, n := 0, 0, 0
	for n < len(changes) && n < perPlan && n < perOut {
		supply += c.supplyWords(changes[n])
		words += c.store.pageWords(changes[n].bits)
		if n > 0 && (supply > c.rows.Len() || words > c.stagingWords()) {
			break
		}
		n++
	}
	return n
}

// supplyWords are the words that a change lacks.
func (c *Cache) supplyWords(ch change) int {
	words := 0
	for g, old := range c.store.pageBits(ch.pageID) {
		if old != failedBits {
			words += c.geo.layout.SupplyWords(old, ch.bits[g])
		}
	}
	return words
}

// move makes changes: all or none. Every new page has its place before an old
// one is freed.
func (c *Cache) move(changes []change) (done Moves, err error) {
	pages, err := c.placeMoves(changes)
	if err == nil {
		err = c.supply(pages)
	}
	if err == nil {
		err = c.run("move", func(l *List) { c.recordMoves(l, pages) })
	}
	if err != nil {
		for _, p := range pages {
			err = joinErrors(err, c.store.arena.Free(p.ref))
		}
		return Moves{}, err
	}
	for _, p := range pages {
		for g, old := range c.store.pageBits(p.pageID) {
			if p.bits[g] > old {
				done.Promoted++
			} else if p.bits[g] < old {
				done.Demoted++
			}
		}
		err = joinErrors(err, c.store.replace(p.pageID, p.ref, p.bits))
	}
	return done, err
}

func (c *Cache) placeMoves(changes []change) (pages []moved, err error) {
	for _, ch := range changes {
		m := moved{change: ch, words: c.store.pageWords(ch.bits)}
		if m.ref, err = c.store.arena.Alloc(m.words); err != nil {
			return pages, fmt.Errorf("backend: adapt: %w", err)
		}
		pages = append(pages, m)
	}
	return pages, nil
}

// supply computes on the host what promoted groups lack, from their ranges on
// the device and their rows on the host.
func (c *Cache) supply(pages []moved) error {
	var promoted []int
	for i, p := range pages {
		if p.promote {
			promoted = append(promoted, i)
		}
	}
	if len(promoted) == 0 {
		return nil
	}
	if err := c.readRanges(pages, promoted); err != nil {
		return err
	}
	words, at := c.geo.pageGroups*c.geo.layout.RangeWords(), 0
	for i, p := range promoted {
		pages[p].supply = at
		n, err := c.supplyPage(pages[p], c.out.Words()[i*words:][:words], at)
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}

// readRanges brings the ranges of pages to out, page after page.
func (c *Cache) readRanges(pages []moved, promoted []int) error {
	g := &c.geo
	words := g.pageGroups * g.layout.RangeWords()
	bySlab := map[int][]Region{}
	for i, p := range promoted {
		ref := c.store.ref(pages[p].pageID)
		bySlab[ref.Slab] = append(bySlab[ref.Slab],
			Region{Src: int(ref.Offset) + g.layout.RangesAt(g.pageGroups), Dst: i * words, Words: words})
	}
	return c.run("ranges", func(l *List) {
		for slab, regions := range sorted(bySlab) {
			l.Copy(c.store.slabs.buffers[slab], c.out, regions...)
		}
		l.Mark("ranges")
	})
}

// supplyPage writes what the promoted groups of a page lack to rows from word
// at on, and returns how many words that are.
func (c *Cache) supplyPage(p moved, ranges []uint32, at int) (int, error) {
	l, start := c.geo.layout, at
	raw := make([]uint32, l.RawGroupWords())
	for g, old := range c.store.pageBits(p.pageID) {
		if p.bits[g] <= old {
			continue
		}
		if err := c.host.group(p.pageID, g, raw); err != nil {
			return 0, err
		}
		n, err := cpuref.Supply(l, ranges[g*l.RangeWords():][:l.RangeWords()], raw, old, p.bits[g], c.rows.Words()[at:])
		if err != nil {
			return 0, fmt.Errorf("backend: adapt: %w", err)
		}
		at += n
	}
	return at - start, nil
}

// route is what the pages of one dispatch have in common.
type route struct {
	promote  bool
	from, to int // slabs
}

// recordMoves records one dispatch for each route.
func (c *Cache) recordMoves(l *List, pages []moved) {
	plan := c.newPlanner()
	routes := map[route][]moved{}
	var order []route
	for _, p := range pages {
		r := route{p.promote, c.store.ref(p.pageID).Slab, p.ref.Slab}
		if routes[r] == nil {
			order = append(order, r)
		}
		routes[r] = append(routes[r], p)
	}
	var busy touched
	for _, promote := range []bool{false, true} {
		for _, r := range order {
			if r.promote == promote {
				busy.before(l, r)
				c.recordRoute(l, plan, r, routes[r])
			}
		}
		if promote {
			l.Mark("promote")
		} else {
			l.Mark("repack")
		}
	}
}

// touched are the slabs that dispatches since the last barrier read and write.
// Their pages differ, but barriers are about what a dispatch could touch.
type touched struct{ read, written map[int]bool }

// before records a barrier where a route could meet an earlier one.
func (t *touched) before(l *List, r route) {
	if t.written[r.from] || t.written[r.to] || t.read[r.to] {
		l.Barrier(Shader, Shader)
		*t = touched{}
	}
	if t.read == nil {
		*t = touched{map[int]bool{}, map[int]bool{}}
	}
	t.read[r.from], t.written[r.to] = true, true
}

func (c *Cache) recordRoute(l *List, plan *planner, r route, pages []moved) {
	g := &c.geo
	jobWords := 4
	if r.promote {
		jobWords = 5
	}
	bitsWords := g.layout.BitsWords(g.pageGroups)
	var words []uint32
	for i, p := range pages {
		words = append(words, c.store.ref(p.pageID).Offset, p.ref.Offset, uint32(jobWords*len(pages)+i*bitsWords), uint32(p.words))
		if r.promote {
			words = append(words, uint32(p.supply))
		}
	}
	for _, p := range pages {
		words = append(words, shaders.PackBits(plainBits(p.bits))...)
	}
	from, to := Whole(c.store.slabs.buffers[r.from]), Whole(c.store.slabs.buffers[r.to])
	k := constants{layout: g.layout, lanes: 1, in: c.cfg.Type, out: c.cfg.Type}
	d := Dispatch{Kernel: shaders.Repack, Push: shaders.RepackPush{Groups: uint32(g.pageGroups)}.Bytes(),
		Workgroups: uint32(len(pages)), Views: []View{from, plan.add(words), to}}
	if r.promote {
		d.Kernel, d.Push = shaders.Promote, shaders.PromotePush{Groups: uint32(g.pageGroups)}.Bytes()
		d.Views = []View{from, d.Views[1], Whole(c.rows), to}
	}
	d.Spec = k.spec(d.Kernel)
	l.Dispatch(d)
}

// compact moves pages together until the arena has no more to gain.
func (c *Cache) compact(ctx context.Context) error {
	for {
		moves := c.store.arena.Compaction(c.stagingWords())
		if len(moves) == 0 {
			return nil
		}
		err := ctx.Err()
		if err == nil {
			err = c.run("compact", func(l *List) { c.recordCompaction(l, moves) })
		}
		if err != nil {
			c.store.arena.Abandon(moves)
			return fmt.Errorf("backend: adapt: %w", err)
		}
		c.store.moved(moves)
		if err := c.store.arena.Commit(moves); err != nil {
			return fmt.Errorf("backend: adapt: %w", err)
		}
	}
}

func (c *Cache) recordCompaction(l *List, moves []arena.Move) {
	routes := map[route][]Region{}
	var order []route
	for _, m := range moves {
		r := route{from: m.From.Slab, to: m.To.Slab}
		if routes[r] == nil {
			order = append(order, r)
		}
		routes[r] = append(routes[r], Region{int(m.From.Offset), int(m.To.Offset), int(m.Words)})
	}
	for _, r := range order {
		l.Copy(c.store.slabs.buffers[r.from], c.store.slabs.buffers[r.to], routes[r]...)
	}
	l.Mark("compact")
}
