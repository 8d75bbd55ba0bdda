package pages

import (
	"slices"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Table is the page table of a sequence, and a mirror of the bits of its groups,
// one byte a group (shaders.Unquantizable: stored raw because it has to be).
//
// The pairs of a layer group lie in few segments, because reading a layer takes
// a dispatch for each. Measured with BenchmarkModelStep, 400 tokens of SmolLM2's
// shape on llvmpipe, against pages of all layers in slabs of 64 KiB and more:
// 109, 93 and 84 CPU ms a token for none, uniform and qaq, not 184, 134 and 151.
type Table struct {
	geo   *core.Geometry
	arena *Arena
	pairs [][]*Pair     // [layer group][page]
	bits  [2][][]uint8  // [kind][layer group][group], page after page
	unmet [2][][]uint16 // [kind][layer group][page]: groups whose bound even the most bits do not keep, by the last choice
	freed []int         // by layer group: pages that are gone from the front, nil in pairs
	words int64         // of the pages
}

// NewTable makes an empty table. Close ends it.
func (a *Arena) NewTable() *Table {
	t := &Table{geo: a.geo, arena: a, pairs: make([][]*Pair, a.geo.LayerGroups), freed: make([]int, a.geo.LayerGroups)}
	for k := range t.bits {
		t.bits[k], t.unmet[k] = make([][]uint8, a.geo.LayerGroups), make([][]uint16, a.geo.LayerGroups)
	}
	a.tables[t] = true
	return t
}

// Scattered tells whether the reserve has free room that is worth gathering where pages
// find no room.
func (t *Table) Scattered() bool { return t.arena.Scattered(LastPart) }

// Close gives up all pairs.
func (t *Table) Close() {
	t.Truncate(0)
	delete(t.arena.tables, t)
}

// Pairs are the pairs of a layer group, page after page; nil where they are freed.
func (t *Table) Pairs(layerGroup int) []*Pair { return t.pairs[layerGroup] }

// LayerGroups is how many layer groups the table has.
func (t *Table) LayerGroups() int { return len(t.pairs) }

// Words are the words of the pages.
func (t *Table) Words() int64 { return t.words }

// Bits are the mirror of the groups of some pages of a layer group.
func (t *Table) Bits(k shaders.Kind, layerGroup, from, to int) []uint8 {
	n := t.geo.PageGroups
	return t.bits[k][layerGroup][from*n : to*n : to*n]
}

// PageBits are the mirror of a page.
func (t *Table) PageBits(p ID) []uint8 { return t.Bits(p.Kind, p.LayerGroup, p.Page, p.Page+1) }

// RunEnd is the page behind those from the given one on that lie in the same
// segment.
func (t *Table) RunEnd(layerGroup, page int) int {
	list := t.pairs[layerGroup]
	end := page + 1
	for end < len(list) && list[end].Segment == list[page].Segment {
		end++
	}
	return end
}

// RunStart is the first of the pages up to the given one that lie in the same
// segment.
func (t *Table) RunStart(layerGroup, page int) int {
	list := t.pairs[layerGroup]
	for page > t.freed[layerGroup] && list[page-1].Segment == list[page].Segment {
		page--
	}
	return page
}

// lastRun are the last pairs of a layer group that lie in one segment; none: it
// has no pair.
func (t *Table) lastRun(layerGroup int) []*Pair {
	list := t.pairs[layerGroup]
	if len(list) == t.freed[layerGroup] {
		return nil
	}
	return list[t.RunStart(layerGroup, len(list)-1):]
}

// Append enters the next pair of a layer group, with the bits of its pages and how
// many of their groups have a bound that is not kept.
func (t *Table) Append(layerGroup int, p *Pair, bits [2][]uint8, unmet [2]int) {
	t.pairs[layerGroup] = append(t.pairs[layerGroup], p)
	for k := range bits {
		t.bits[k][layerGroup] = append(t.bits[k][layerGroup], bits[k]...)
		t.unmet[k][layerGroup] = append(t.unmet[k][layerGroup], uint16(unmet[k]))
	}
	t.words += int64(p.Pages[0].Words + p.Pages[1].Words)
}

// Replace gives a page number another pair and other bits.
func (t *Table) Replace(layerGroup, page int, p *Pair, bits [2][]uint8) {
	t.release(layerGroup, page)
	t.pairs[layerGroup][page] = p
	for k := range bits {
		copy(t.PageBits(ID{shaders.Kind(k), layerGroup, page}), bits[k])
	}
	t.words += int64(p.Pages[0].Words + p.Pages[1].Words)
}

// SetUnmet says how many groups of a page have a bound that is not kept.
func (t *Table) SetUnmet(p ID, n int) { t.unmet[p.Kind][p.LayerGroup][p.Page] = uint16(n) }

// release gives up a pair; its place too, where nobody else holds it.
func (t *Table) release(layerGroup, page int) {
	p := t.pairs[layerGroup][page]
	t.words -= int64(p.Pages[0].Words + p.Pages[1].Words)
	if p.holders--; p.holders == 0 {
		t.arena.Free(p)
	}
}

// Freed are the pages of a layer group that are gone from the front.
func (t *Table) Freed(layerGroup int) int { return t.freed[layerGroup] }

// Free gives up the pages of a layer group before the given one; their groups
// count as evicted.
func (t *Table) Free(layerGroup, pages int) {
	for ; t.freed[layerGroup] < pages; t.freed[layerGroup]++ {
		page := t.freed[layerGroup]
		t.release(layerGroup, page)
		t.pairs[layerGroup][page] = nil
		for k := range t.bits {
			bits := t.PageBits(ID{shaders.Kind(k), layerGroup, page})
			for g := range bits {
				bits[g] = shaders.Evicted
			}
			t.unmet[k][layerGroup][page] = 0
		}
	}
}

// Truncate drops the pages from the given one on.
func (t *Table) Truncate(pages int) {
	for lg := range t.pairs {
		for last := len(t.pairs[lg]) - 1; last >= pages; last-- {
			if last >= t.freed[lg] {
				t.release(lg, last)
			}
			t.pairs[lg] = t.pairs[lg][:last]
			for k := range t.bits {
				t.bits[k][lg] = t.bits[k][lg][:last*t.geo.PageGroups]
				t.unmet[k][lg] = t.unmet[k][lg][:last]
			}
		}
		t.freed[lg] = min(t.freed[lg], len(t.pairs[lg]))
	}
}

// Share makes an empty table one of the same pairs.
func (t *Table) Share(from *Table) {
	t.words, t.freed = from.words, slices.Clone(from.freed)
	for lg, list := range from.pairs {
		t.pairs[lg] = slices.Clone(list)
		for _, p := range list[t.freed[lg]:] {
			p.holders++
		}
		for k := range from.bits {
			t.bits[k][lg], t.unmet[k][lg] = slices.Clone(from.bits[k][lg]), slices.Clone(from.unmet[k][lg])
		}
	}
}

// Extent are the words that the table takes of device memory, segments of its
// own wholly, and how many segments its pairs lie in.
func (t *Table) Extent() (words int64, segments int) {
	known := map[*Segment]bool{}
	for lg, list := range t.pairs {
		for _, p := range list[t.freed[lg]:] {
			if p.Segment.Reserved {
				words += int64(p.Span().Words)
			} else if !known[p.Segment] {
				words += int64(p.Segment.Buffer.Len())
			}
			known[p.Segment] = true
		}
	}
	return words, len(known)
}

// HostBytes are the host bytes of the mirror and the page table.
func (t *Table) HostBytes() (n int64) {
	for lg := range t.pairs {
		n += int64(len(t.pairs[lg])) * int64(unsafe.Sizeof(Pair{})+unsafe.Sizeof(&Pair{}))
		for k := range t.bits {
			n += int64(cap(t.bits[k][lg]) + 2*cap(t.unmet[k][lg]))
		}
	}
	return n
}
