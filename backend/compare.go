package backend

// change is what a page that gets new bits gets.
type change struct {
	bits    []uint8 // the new mirror; nil: none change
	promote bool    // some group gets more bits
}

// compareAll finds the targets with changes.
func (a *adaptation) compareAll() {
	defer a.c.spanning("compare", Adaptation)()
	for i := range a.targets {
		if r, dirty := a.compare(&a.targets[i]); dirty {
			a.rebuilds = append(a.rebuilds, r)
		}
	}
}

// compare lays the pages of a target out anew. It is dirty if any changes.
func (a *adaptation) compare(t *target) (r rebuild, dirty bool) {
	g := &a.c.geo
	r = rebuild{target: t, pages: make([]moved, 0, 2*len(t.spans[Key]))}
	for i := range t.spans[Key] {
		for k := range t.spans {
			m := moved{pageID: pageID{Kind(k), t.unit, t.seg.first + i}, from: t.spans[k][i]}
			m.old = t.mirror[k][i*g.pageGroups:][:g.pageGroups]
			m.to = span{roundUp(r.words, pageAlign), m.from.words}
			if m.chunk >= t.from && m.chunk < t.to && t.at[k] >= 0 {
				m.change = a.compareBits(&m, a.c.adapter.bits.Words()[t.at[k]+(m.chunk-t.from)*g.pageGroups:][:g.pageGroups])
			}
			if m.change.bits != nil {
				dirty, m.to.words = true, g.pageWords(m.change.bits)
			}
			r.words = m.to.at + m.to.words
			r.pages = append(r.pages, m)
		}
	}
	return r, dirty
}

// compareBits tells how a page changes when its groups should have the decided
// bits. Groups whose rows the host does not have get no more bits than they
// have.
func (a *adaptation) compareBits(m *moved, decided []uint32) (ch change) {
	for g, old := range m.old {
		b := uint8(decided[g])
		switch {
		case old == failedBits || b == old:
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
