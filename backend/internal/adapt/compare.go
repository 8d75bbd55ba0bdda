package adapt

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// moved is a page that is written to another place, because bits of its pair change or
// its segment is rebuilt.
type moved struct {
	pages.ID
	from, to *pages.Pair
	old      []uint8 // the mirror
	bits     []uint8 // the new mirror; nil: none change
	promote  bool    // some group gets more bits
	supply   int     // where in supply what it lacks begins
}

func (m *moved) source() pages.Span { return m.from.Pages[m.Kind] }
func (m *moved) goal() pages.Span   { return m.to.Pages[m.Kind] }

// compared is how the pages of a pair change.
type compared struct {
	pages     [2]moved
	dirty     bool
	to        *pages.Pair // where the pair goes; nil: it stays
	missed    int64
	shortfall *Shortfall
	unmet     []unmet
}

// sizes are those that the pages of the pair will have.
func (c *compared) sizes(of codec.Codec) (sizes pages.Sizes) {
	for k := range c.pages {
		if sizes[k] = c.pages[k].source().Words; c.pages[k].bits != nil {
			sizes[k] = of.PageWords(c.pages[k].ID, c.pages[k].bits)
		}
	}
	return sizes
}

// compareAll finds the pairs that move, and room for them: as many as there is room for,
// and where there is none even for one once it is gathered, in a segment outside the
// reserve for a few.
func (b *batch) compareAll() error {
	defer b.d.span("compare")()
	for i := range b.targets {
		t := &b.targets[i]
		if t.rebuild {
			if err := b.rebuild(t); err != nil {
				return err
			}
			continue
		}
		end := b.moveChanged(t)
		if end == t.to {
			continue
		}
		rest := t.part(end, min(end+max((t.to-t.from)/fewOf, 1), t.to), b.d.work.PageGroups)
		b.resume, t.to, b.targets = &position{t.layerGroup, end}, end, b.targets[:i+1]
		b.scattered = len(b.moved) == 0 && b.d.arena.Scattered(pages.LastPart)
		if len(b.moved) > 0 || b.scattered {
			return nil
		}
		b.resume.page, b.targets = rest.to, append(b.targets, rest)
		return b.rebuild(&rest)
	}
	return nil
}

// compare tells how the pages of a pair change.
func (b *batch) compare(t *target, page int) (c compared) {
	n := b.d.work.PageGroups
	for k := range c.pages {
		m := &c.pages[k]
		m.ID, m.from = pages.ID{Kind: shaders.Kind(k), LayerGroup: t.layerGroup, Page: page}, t.pairs[page-t.first]
		m.old = t.mirror[k][(page-t.first)*n:][:n]
		if page >= t.from && page < t.to && t.at[k] >= 0 {
			chosen := b.d.Bits.Words()[t.at[k]+(page-t.from)*n:][:n]
			c.unmet = append(c.unmet, unmet{m.ID, shaders.CountUnmet(chosen)})
			b.compareBits(&c, m, chosen)
		}
		c.dirty = c.dirty || m.bits != nil
	}
	return c
}

// compareBits tells how a page changes when its groups should have the chosen
// bits. Groups whose rows the host does not have get no more bits than they have.
func (b *batch) compareBits(c *compared, m *moved, chosen []uint32) {
	for g, old := range m.old {
		bits := uint8(chosen[g])
		lacks := shaders.Fewer(old, bits) || b.d.codec.SupplyWords(m.ID, old, bits) > 0
		switch {
		case bits == old || old == shaders.Unquantizable && bits != shaders.Evicted:
		case lacks && b.d.work.TokenOf(m.Page, g) >= b.kept:
			c.missed++
			if c.shortfall == nil {
				c.shortfall = &Shortfall{m.ID, g, bits, old, b.step}
			}
		default:
			if m.bits == nil {
				m.bits = slices.Clone(m.old)
			}
			m.bits[g] = bits
			m.promote = m.promote || lacks
		}
	}
}

// take enters what was compared; a pair that moves goes to a place.
func (b *batch) take(c *compared) {
	b.moves.Missed += c.missed
	b.unmet = append(b.unmet, c.unmet...)
	if b.shortfall == nil {
		b.shortfall = c.shortfall
	}
	if c.to == nil {
		return
	}
	for k := range c.pages {
		c.pages[k].to = c.to
	}
	b.moved = append(b.moved, c.pages[:]...)
}

// moveChanged finds room for the pairs of a target that change, and returns the
// first page that finds none: if all do, the target's end.
func (b *batch) moveChanged(t *target) int {
	for page := t.from; page < t.to; page++ {
		c := b.compare(t, page)
		if c.dirty {
			if c.to = b.d.arena.Place(t.pairs[page-t.first].Segment, t.layerGroup, c.sizes(b.d.codec)); c.to == nil {
				return page
			}
		}
		b.take(&c)
	}
	return t.to
}

// rebuild finds room for all pairs of a target, if any of them changes: in the
// reserve, or in a new segment.
func (b *batch) rebuild(t *target) error {
	all, sizes := make([]compared, len(t.pairs)), make([]pages.Sizes, len(t.pairs))
	changes, words := false, 0
	for i := range t.pairs {
		all[i] = b.compare(t, t.first+i)
		changes = changes || all[i].dirty
		sizes[i] = all[i].sizes(b.d.codec)
		words += sizes[i].Words()
	}
	var to []*pages.Pair
	if changes {
		if to = b.d.arena.PlaceAll(nil, t.layerGroup, sizes); to == nil {
			seg, err := b.d.arena.NewSegment(t.layerGroup, t.first, words, t.follow)
			if err != nil {
				return err
			}
			to = b.d.arena.PlaceAll(seg, t.layerGroup, sizes)
		}
	}
	for i := range all {
		if changes {
			all[i].to = to[i]
		}
		b.take(&all[i])
	}
	return nil
}
