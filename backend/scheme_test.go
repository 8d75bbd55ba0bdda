package backend

// ranged is the state of a sequence of a cache without a profile.
func (s *Sequence) ranged() *rangedState { return s.state.(*rangedState) }

// rangedScheme is the scheme of a cache without a profile.
func (c *Cache) rangedScheme() *ranged { return c.scheme.(*ranged) }
