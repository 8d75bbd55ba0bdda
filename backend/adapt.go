package backend

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/internal/adapt"
)

// Moves counts groups whose bits changed after they were stored, and what that
// took: Demoted, Promoted and Missed groups (those that should have been promoted,
// but the host has no rows of them); BytesUp to the device and BytesDown to the
// host; LateSteps that promoted groups were used with the bits they had, summed
// over groups, and LateMax, the most of a group.
type Moves = adapt.Moves

// Batches counts batches of adaptation: Batches, and of them Overlapped, those
// that a later Step found ready; the Time from the choice of bits until they were
// ready, of that the Host's work, and what calls Waited for.
type Batches = adapt.Batches

// Adapt chooses the bits of all stored groups anew and moves those that change:
// fewer bits on the device alone, more bits with what the host supplies. Groups
// whose rows the host does not have keep their bits; with Config.Synchronous that is
// an error that wraps ErrHostBudget.
//
// It ends an adaptation that Step began, waits for its own, and returns what
// its own did, also when it fails: pages are moved batch by batch, each batch
// wholly or not at all.
func (s *Sequence) Adapt(ctx context.Context) (Moves, error) {
	if err := s.idle(0); err != nil {
		return Moves{}, err
	}
	defer s.c.span("adapt")()
	s.c.adapter.Finish(nil)
	if err := s.usable(0); err != nil {
		return Moves{}, err
	}
	moves, err := s.c.adapter.All(ctx, s.adapting)
	if err == nil && s.c.cfg.Synchronous {
		err = s.hostBudgetError()
	}
	return moves, err
}

// adaptStep is Step's part of adapting: a round begins when it is due, and the
// next batch starts. It returns an error of an earlier one.
func (s *Sequence) adaptStep(ctx context.Context) error {
	a := s.c.adapter
	if s.due && s.c.cfg.Synchronous {
		a.Finish(nil)
		if _, err := a.All(ctx, s.adapting); err != nil {
			return err
		}
		s.due = false
		return s.hostBudgetError()
	}
	if s.due {
		s.due = false
		a.Later(s.adapting)
	}
	if err := a.Recall(); err != nil {
		return err
	}
	a.Pump()
	err := s.adapting.TakeError()
	if failed := s.c.work.Failed(); failed != nil {
		return failed
	}
	return err
}

// hostBudgetError explains a choice that could not be followed; nil: there is
// none.
func (s *Sequence) hostBudgetError() error {
	u := s.adapting.Shortfall
	if u == nil {
		return nil
	}
	layer, layers := s.c.work.LayersOf(u.Page.LayerGroup)
	head, heads := s.c.work.HeadsOf(u.Group % s.c.work.TokenGroups)
	return fmt.Errorf("backend: adapt: token %d %s, layer %s, KV head %s has %d bits and was to have %d in step %d: the host keeps rows of the tokens before %d in %d bytes: %w",
		s.c.work.TokenOf(u.Page.Page, u.Group), u.Page.Kind, numbers(layer, layers), numbers(head, heads), u.Has, u.Wants, u.Step,
		s.host.Kept(), s.c.cfg.HostBudget, ErrHostBudget)
}

// numbers is "3" or "0..3": from, and up to end.
func numbers(from, end int) string {
	if end == from+1 {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d..%d", from, end-1)
}
