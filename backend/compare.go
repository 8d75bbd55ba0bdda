package backend

import "github.com/qaqvk/qaqvk/shaders"

// change is what a page that gets new bits gets.
type change struct {
	bits    []uint8 // the new mirror; nil: none change
	promote bool    // some group gets more bits
}

// moved is a page on its way to another place, because bits of its block change
// or its segment is rebuilt.
type moved struct {
	pageID
	from, to *block
	old      []uint8 // the mirror
	change   change
	supply   int // where in supply what it lacks begins
}

func (m *moved) source() span { return m.from.pages[m.kind] }
func (m *moved) goal() span   { return m.to.pages[m.kind] }

// compareAll finds the blocks that move, and room for them: as many as there is
// room for, and where there is none even for one, in a segment beside the reserve.
func (a *adaptation) compareAll() error {
	defer a.c.spanning("compare", Adaptation)()
	for i := range a.targets {
		t := &a.targets[i]
		if !t.rebuild {
			before, end := a.misses, a.moveChanged(t)
			if end == t.to {
				continue
			}
			if len(a.moved) > 0 {
				a.resume, t.to, a.targets = &pageID{shaders.Key, t.unit, end}, end, a.targets[:i+1]
				return nil
			}
			a.misses = before
		}
		if err := a.rebuild(t); err != nil {
			return err
		}
	}
	return nil
}

// compare tells how the pages of a chunk change.
func (a *adaptation) compare(t *target, chunk int) (pages [2]moved, dirty bool) {
	g := &a.c.geo
	for k := range pages {
		m := &pages[k]
		m.pageID, m.from = pageID{shaders.Kind(k), t.unit, chunk}, t.blocks[chunk-t.first]
		m.old = t.mirror[k][(chunk-t.first)*g.pageGroups:][:g.pageGroups]
		if chunk >= t.from && chunk < t.to && t.at[k] >= 0 {
			m.change = a.compareBits(m, a.c.adapter.bits.Words()[t.at[k]+(chunk-t.from)*g.pageGroups:][:g.pageGroups])
		}
		dirty = dirty || m.change.bits != nil
	}
	return pages, dirty
}

// sizesOf are the sizes that the pages of a block will have.
func (g *geometry) sizesOf(pages [2]moved) (sizes [2]int) {
	for k := range pages {
		if sizes[k] = pages[k].source().words; pages[k].change.bits != nil {
			sizes[k] = g.layout.PageWords(pages[k].change.bits)
		}
	}
	return sizes
}

// goTo says where the pages of a block go.
func (a *adaptation) goTo(b *block, pages [2]moved) {
	for k := range pages {
		pages[k].to = b
	}
	a.moved = append(a.moved, pages[:]...)
}

// moveChanged finds room for the blocks of a target that change, and returns the
// first chunk that finds none: if all do, the target's end.
func (a *adaptation) moveChanged(t *target) int {
	for chunk := t.from; chunk < t.to; chunk++ {
		before := a.misses
		pages, dirty := a.compare(t, chunk)
		if !dirty {
			continue
		}
		to := a.c.arena.place(pages[shaders.Key].from.seg, t.unit, a.c.geo.sizesOf(pages))
		if to == nil {
			a.misses = before
			return chunk
		}
		a.goTo(to, pages)
	}
	return t.to
}

// rebuild finds room for all blocks of a target, if any of them changes: in the
// reserve, or in a new segment.
func (a *adaptation) rebuild(t *target) error {
	var all [][2]moved
	var sizes [][2]int
	changes, words := false, 0
	for i := range t.blocks {
		pages, dirty := a.compare(t, t.first+i)
		changes = changes || dirty
		all, sizes = append(all, pages), append(sizes, a.c.geo.sizesOf(pages))
		words += blockWords(sizes[i])
	}
	if !changes {
		return nil
	}
	blocks := a.c.arena.placeAll(nil, t.unit, sizes)
	if blocks == nil {
		seg, err := a.c.newSegment(t.unit, t.first, words, t.follow)
		if err != nil {
			return err
		}
		blocks = a.c.arena.placeAll(seg, t.unit, sizes)
	}
	for i, pages := range all {
		a.goTo(blocks[i], pages)
	}
	return nil
}

// compareBits tells how a page changes when its groups should have the decided
// bits. Groups whose rows the host does not have get no more bits than they
// have.
func (a *adaptation) compareBits(m *moved, decided []uint32) (ch change) {
	for g, old := range m.old {
		b := uint8(decided[g])
		switch {
		case old == shaders.Unquantizable || b == old:
		case b > old && a.c.geo.tokenOf(m.pageID, g) >= a.kept:
			a.miss(m.pageID, g, b, old)
		default:
			if ch.bits == nil {
				ch.bits = append([]uint8(nil), m.old...)
			}
			ch.bits[g] = b
			ch.promote = ch.promote || b > old
		}
	}
	return ch
}
