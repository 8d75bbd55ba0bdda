package backend

// rebuild is a segment some of whose pages change, on its way to a new buffer.
// What does not change is copied.
type rebuild struct {
	*target
	buffer Buffer
	pages  []moved // all pages, in their order
	words  int
}

// moved is a page of a rebuild.
type moved struct {
	pageID
	from, to span
	old      []uint8 // the mirror
	change   change
	supply   int // where in supply what it lacks begins
}

// rewriteWords are the plan words of a page that is repacked or promoted.
func (c *Cache) rewriteWords() int { return 5 + c.geo.layout.BitsWords(c.geo.pageGroups) }

// rebuild writes the segments with changes to buffers of their new size.
func (a *adaptation) rebuild() (err error) {
	for i := range a.rebuilds {
		r := &a.rebuilds[i]
		if r.buffer, err = a.c.newSegment(r.unit, r.seg.first, r.words, r.follow); err != nil {
			return err
		}
		a.held.Add(int64(r.buffer.Len()))
	}
	if err := a.run("move", a.recordMoves); err != nil {
		return err
	}
	return a.promote()
}

// replace puts a rebuilt segment in the place of the old one.
func (s *store) replace(r rebuild) (done Moves) {
	for _, m := range r.pages {
		r.seg.pages[m.kind][m.chunk-r.seg.first] = m.to
		if m.change.bits == nil {
			continue
		}
		old := s.pageBits(m.pageID)
		for g, b := range m.change.bits {
			if b > old[g] {
				done.Promoted++
			} else if b < old[g] {
				done.Demoted++
			}
		}
		s.tally(r.seg, m.kind, old, m.from.words, -1)
		copy(old, m.change.bits)
		s.tally(r.seg, m.kind, old, m.to.words, 1)
	}
	r.seg.buffer.release()
	r.seg.buffer, r.seg.used = &sharedBuffer{r.buffer, 1}, r.words
	return done
}
