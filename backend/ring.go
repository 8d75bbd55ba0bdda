package backend

// ringUse is what steps needed of a ring since that was asked last.
type ringUse struct{ steps, tokens int }

// ringSteps are the steps after which a ring gives up the room that none of them needed.
const ringSteps = 16

// leastRing is the room of a ring, in tokens, that steps of one token need, and where
// memory is reserved those of a prompt whose steps are whole pages.
func (c *Cache) leastRing() int {
	w := c.work
	least := w.RingTokens(w.Recent + w.PageTokens)
	if c.cfg.Reserve > 0 {
		least = max(least, w.RingTokens(w.Recent)+w.RingTokens(w.MaxStepTokens))
	}
	return min(least, w.WholeRing())
}

// firstRing is the room of the ring of a new sequence.
func (c *Cache) firstRing() int {
	if c.wholeRings() {
		return c.work.WholeRing()
	}
	return c.leastRing()
}

// wholeRings tells whether no ring is smaller than the largest one: where rows of tokens
// that are rolled back cannot come from the host, and where command buffers of
// runtimes hold rings.
func (c *Cache) wholeRings() bool { return c.cfg.HostBudget == 0 || c.recorded }

// wholeRing tells whether the sequence's ring is not to be smaller: rows of its tokens may
// also be too many for the host.
func (s *Sequence) wholeRing() bool { return s.c.wholeRings() || s.host.Kept() < s.extent.Stored }

// fitRing makes room in the ring for the tokens up to end.
func (s *Sequence) fitRing(end int) error {
	need := min(s.c.work.RingTokens(end-s.extent.Stored), s.c.work.WholeRing())
	if s.wholeRing() {
		need = s.c.work.WholeRing()
	}
	if need <= s.window.Ring.Tokens {
		return nil
	}
	return s.window.Resize(need, s.newest())
}

// newest is the number of tokens of the layer that has most, those of the current step
// included.
func (s *Sequence) newest() (tokens int) {
	for layer := range s.pending {
		tokens = max(tokens, s.layerTokens(layer))
	}
	return tokens
}

// trimRing gives up room of the ring that steps have not needed for a while. A ring that
// grew beside a reserve stays.
func (s *Sequence) trimRing() error {
	if s.used.steps < ringSteps {
		return nil
	}
	room := max(s.c.work.RingTokens(s.used.tokens), s.c.leastRing())
	s.used = ringUse{}
	if s.c.cfg.Reserve > 0 || s.wholeRing() || room >= s.window.Ring.Tokens {
		return nil
	}
	return s.window.Resize(room, s.extent.Tokens)
}
