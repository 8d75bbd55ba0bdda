package backend

// round is a sequence's way through all its groups, batch by batch.
type round struct {
	due         bool // another one is to begin
	active      bool // batches are left
	unit, chunk int  // where the next one begins
	queued      bool // it waits for its turn
	err         error
}

func (r *round) begin() { r.due, r.active, r.unit, r.chunk = false, true, 0, 0 }

// batch counts what a batch takes of each bound.
type batch struct {
	bits, plan, words int
}

// add is a batch with some chunks in a segment more. Of those, all kinds are
// counted, whether decided or not; the list that decides loses up to four
// alignments a target.
func (b batch) add(c *Cache, chunks, words int) batch {
	align := c.dev.Limits().ViewAlign
	return batch{b.bits + 2*roundUp(chunks*c.geo.pageGroups, align), b.plan + 2*chunks*c.adaptJob() + 4*align, b.words + words}
}

func (b batch) fits(c *Cache, words int) bool {
	return b.bits <= min(c.adapter.bits.Len(), c.scratch.Len()) && b.plan <= c.adapter.plan.Len() && b.words <= words
}

// nextTargets takes the next batch: blocks of the reserve or whole segments, as
// many as fit the buffers and are at most a part of all pages; at least one, or
// the part of it that fits. None are left at the end of a round.
func (s *Sequence) nextTargets() (list []target) {
	r, c, chunks := &s.round, s.c, s.stored/s.c.cfg.PageTokens
	most := s.copyWords()
	var sum batch
	for r.unit < c.geo.units {
		if r.chunk >= chunks {
			r.unit, r.chunk = r.unit+1, 0
			continue
		}
		n, words := s.nextBlocks(most - sum.words)
		if next := sum.add(c, n, words); next.fits(c, most) {
			sum = next
		} else if len(list) > 0 {
			return list
		} else {
			n = c.fitting(n)
			sum.words = most // the batch is full
		}
		list = append(list, s.newTarget(r.unit, r.chunk, r.chunk+n))
		r.chunk += n
	}
	r.active = false
	return list
}

// nextBlocks are the next chunks of a round in one segment, and the words that
// move with them: of the reserve no more than about the given ones.
func (s *Sequence) nextBlocks(most int) (chunks, words int) {
	r, list := &s.round, s.store.units[s.round.unit]
	end := s.store.runEnd(r.unit, r.chunk)
	if !list[r.chunk].seg.reserved {
		for _, b := range list[s.store.runStart(r.unit, r.chunk):end] {
			words += b.span().words
		}
		return end - r.chunk, words
	}
	for chunks = 0; r.chunk+chunks < end && (chunks == 0 || words < most); chunks++ {
		words += list[r.chunk+chunks].span().words
	}
	return chunks, words
}

// fitting is how many of some chunks fit the buffers, at least 1.
func (c *Cache) fitting(chunks int) int {
	low, high := 1, chunks // fits .. may fit
	for low < high {
		if n := (low + high + 1) / 2; (batch{}).add(c, n, 0).fits(c, 0) {
			low = n
		} else {
			high = n - 1
		}
	}
	return low
}

// adaptLater notes that a round of the sequence is due.
func (s *Sequence) adaptLater() {
	s.round.due = true
	s.enqueue()
}

// goBack has the round go on at a chunk that it has passed.
func (s *Sequence) goBack(p pageID) {
	s.round.active, s.round.unit, s.round.chunk = true, p.unit, p.chunk
	s.enqueue()
}

// enqueue has the sequence wait for its turn.
func (s *Sequence) enqueue() {
	if !s.round.queued {
		s.round.queued = true
		s.c.adapter.queue = append(s.c.adapter.queue, s)
	}
}

// pump starts the next batch, of the sequence that has waited longest, unless
// one is on the way. A sequence learns of errors from its next Step.
func (c *Cache) pump() {
	a := &c.adapter
	for a.flight == nil && len(a.queue) > 0 && c.failed == nil {
		s := a.queue[0]
		a.queue = append(a.queue[:0], a.queue[1:]...)
		s.round.queued = false
		if !s.round.active && s.round.due {
			s.round.begin()
		}
		_, err := c.start(s)
		s.round.err = joinErrors(s.round.err, err)
		if s.round.active || s.round.due {
			s.round.queued = true
			a.queue = append(a.queue, s)
		}
		if err != nil {
			return // the next Step tries the next batch
		}
	}
}

// unqueue forgets the round of a sequence.
func (c *Cache) unqueue(s *Sequence) {
	for i, q := range c.adapter.queue {
		if q == s {
			c.adapter.queue = append(c.adapter.queue[:i], c.adapter.queue[i+1:]...)
			return
		}
	}
}
