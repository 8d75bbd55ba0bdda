package backend

import "fmt"

// Rollback drops the last tokens of finished steps. Then the sequence holds
// what one would hold that never got them: pages whose tokens would still be in
// the recent window are dropped, and their rows lie in the ring again. Pages
// that stay keep the bits that they have, until Adapt.
//
// Attention rows of dropped tokens are forgotten: of the Config.Queries queries that
// importance looks at, the first one that saw a dropped token and all after it.
// Until as many queries are observed anew, there are fewer, and as in a new
// sequence groups that are chosen then keep the most bits; from then on choices are
// those of a sequence that never got the tokens.
//
// A rollback needs rows of the host where the ring no longer has those of all tokens that
// are in the recent window again. Without a HostBudget it has PageTokens +
// MaxStepTokens tokens and more; with one as many as steps need, which is seldom more
// than those of the last step. The error wraps ErrRollback when they are not there
// either, because of the HostBudget, or when pages were freed that a window of
// Config.LayerWindows would need again, ErrRange when the sequence has fewer tokens, and ErrUnfinishedStep
// between Append and Step: tokens of an unfinished step cannot be rolled back.
func (s *Sequence) Rollback(tokens int) error {
	if err := s.finished("rollback"); err != nil {
		return err
	}
	if tokens < 0 || tokens > s.extent.Tokens {
		return typed{fmt.Errorf("backend: rollback of %d tokens: sequence %d has %d", tokens, s.id, s.extent.Tokens), ErrRange}
	}
	if err := s.reaches(s.extent.Tokens - tokens); err != nil {
		return err
	}
	s.c.adapter.Finish(s.adapting)
	end := s.extent.Tokens - tokens
	pages := min(s.storedPages(), s.c.work.WholePages(end))
	stored := pages * s.c.cfg.PageTokens
	if stored < s.window.From && stored < end {
		if err := s.restore(stored, end); err != nil {
			return err
		}
	}
	s.extent.Tokens, s.extent.Stored, s.window.From = end, stored, min(s.window.From, end)
	s.table.Truncate(pages)
	if u := s.adapting.Shortfall; u != nil && u.Page.Page >= pages {
		s.adapting.Shortfall = nil
	}
	s.state.forget(end, stored)
	return s.host.Truncate(stored)
}

// reaches tells whether the windows of layers still have their tokens when the
// sequence has so many.
func (s *Sequence) reaches(end int) error {
	for lg := range s.c.work.LayerGroups {
		freed := s.table.Freed(lg) * s.c.cfg.PageTokens
		if first := max(0, end-s.c.groupWindow(lg)+1); freed > first {
			return fmt.Errorf("backend: rollback to %d tokens: layer group %d needs the tokens from %d on, its window has them from %d on: %w", end, lg, first, freed, ErrRollback)
		}
	}
	return nil
}

// restore brings the rows of the tokens from..end to the ring: those that it has
// no more come from the host.
func (s *Sequence) restore(from, end int) error {
	here, gone := min(s.window.From, end), s.host.Gone()
	if s.host.Kept() < here {
		return fmt.Errorf("backend: rollback to %d tokens: rows of the tokens %d..%d are needed, the host keeps the first %d: %w",
			end, from, here-1, s.host.Kept(), ErrRollback)
	}
	if from < gone {
		return fmt.Errorf("backend: rollback to %d tokens: rows of the tokens %d..%d are needed, the host gave up the first %d behind a window: %w",
			end, from, here-1, gone, ErrRollback)
	}
	return s.window.Restore(from, end, s.host.Layer)
}
