package backend

import (
	"context"
	"fmt"
)

// rebuild is a segment some of whose pages change, on its way to a new buffer.
// What does not change is copied.
type rebuild struct {
	unit   int
	seg    *segment
	buffer Buffer
	pages  []moved // all pages, in their order
	words  int
}

// moved is a page of a rebuild.
type moved struct {
	pageID
	from, to span
	change   change // without bits where the page stays as it is
	supply   int    // where in rows what it lacks begins
}

// moveAll rebuilds the segments with changes, in batches that fit the plan
// buffer and need little memory beside what they replace.
func (s *Sequence) moveAll(ctx context.Context, changes map[pageID]change) (done Moves, err error) {
	if len(changes) == 0 {
		return done, nil
	}
	if err := s.c.freeRows(); err != nil { // promotions need the upload buffer
		return done, err
	}
	var batch []rebuild
	plan, words := 0, 0
	flush := func() error {
		m, err := s.moveBatch(ctx, batch)
		done.add(m)
		batch, plan, words = nil, 0, 0
		return err
	}
	for unit, list := range s.store.units {
		for _, seg := range list {
			r, dirty := s.newRebuild(unit, seg, changes)
			if !dirty {
				continue
			}
			need := roundUp(len(r.pages)*s.c.rewriteWords(), s.c.dev.Limits().ViewAlign)
			if plan+need > s.c.plan.Len() || words+r.words > s.moveWords() {
				if err := flush(); err != nil {
					return done, err
				}
			}
			batch, plan, words = append(batch, r), plan+need, words+r.words
		}
	}
	return done, flush()
}

// rewriteWords are the plan words of a page that is repacked or promoted.
func (c *Cache) rewriteWords() int { return 5 + c.geo.layout.BitsWords(c.geo.pageGroups) }

// moveWords bounds the words that are rebuilt at once.
func (s *Sequence) moveWords() int { return max(s.c.stagingWords(), int(s.store.total.words/16)) }

// newRebuild lays the pages of a segment out anew. It is dirty if any changes.
func (s *Sequence) newRebuild(unit int, seg *segment, changes map[pageID]change) (r rebuild, dirty bool) {
	r = rebuild{unit: unit, seg: seg, pages: make([]moved, 0, 2*len(seg.pages[Key]))}
	for i := range seg.pages[Key] {
		for k := range seg.pages {
			m := moved{pageID: pageID{Kind(k), unit, seg.first + i}, from: seg.pages[k][i]}
			var changed bool
			m.to = span{roundUp(r.words, pageAlign), m.from.words}
			if m.change, changed = changes[m.pageID]; changed {
				dirty, m.to.words = true, s.c.geo.pageWords(m.change.bits)
			}
			r.words = m.to.at + m.to.words
			r.pages = append(r.pages, m)
		}
	}
	return r, dirty
}

// moveBatch rebuilds segments: all or none.
func (s *Sequence) moveBatch(ctx context.Context, batch []rebuild) (done Moves, err error) {
	if len(batch) == 0 {
		return done, nil
	}
	if err := ctx.Err(); err != nil {
		return done, fmt.Errorf("backend: adapt: %w", err)
	}
	for i, r := range batch {
		follow := r.seg == s.store.lastOf(r.unit)
		if batch[i].buffer, err = s.c.newSegment(r.unit, r.seg.first, r.words, follow); err != nil {
			break
		}
	}
	if err == nil {
		err = s.c.run("move", func(l *List) { s.recordMoves(l, batch) })
	}
	if err == nil {
		err = s.promote(batch)
	}
	if err != nil {
		for _, r := range batch {
			if r.buffer != nil {
				r.buffer.Release()
			}
		}
		return done, err
	}
	for _, r := range batch {
		done.add(s.store.replace(r))
	}
	return done, nil
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
