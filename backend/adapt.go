package backend

import (
	"context"
	"fmt"
)

// Moves counts groups whose bits changed after they were stored.
type Moves struct {
	Demoted  int64 `json:"demoted"`
	Promoted int64 `json:"promoted"`
	Missed   int64 `json:"missed"` // should have been promoted, but the host has no rows of them
}

func (m *Moves) add(n Moves) {
	m.Demoted += n.Demoted
	m.Promoted += n.Promoted
	m.Missed += n.Missed
}

// change is what a page that gets new bits gets.
type change struct {
	bits    []uint8 // the new mirror
	promote bool    // some group gets more bits
}

// Adapt decides the bits of all stored groups anew and moves those that change:
// fewer bits on the device alone, more bits with what the host supplies. Groups
// whose rows the host does not have keep their bits. It returns what it did,
// also when it fails; pages are moved segment by segment, each wholly or not at
// all.
func (s *Sequence) Adapt(ctx context.Context) (Moves, error) {
	var done Moves
	if err := s.usable(0); err != nil {
		return done, err
	}
	changes := map[pageID]change{}
	for k, r := range s.c.rules {
		if r.Fixed || s.stored == 0 {
			continue
		}
		missed, err := s.decideKind(ctx, Kind(k), changes)
		if err != nil {
			return done, err
		}
		done.Missed += missed
	}
	moved, err := s.moveAll(ctx, changes)
	done.add(moved)
	s.moves.add(done)
	s.c.moves.add(done)
	return done, err
}

// decideKind collects the changes of the pages of a kind, batch by batch, and
// counts the groups that should get more bits but cannot.
func (s *Sequence) decideKind(ctx context.Context, kind Kind, changes map[pageID]change) (missed int64, err error) {
	j, chunks := s.newJudge(kind, s.tokens, s.stored), s.stored/s.c.cfg.PageTokens
	most := s.c.decideBatch()
	var batch []pageID
	for unit := range s.c.geo.units {
		for chunk := range chunks {
			batch = append(batch, pageID{kind, unit, chunk})
			if len(batch) < most && (unit < s.c.geo.units-1 || chunk < chunks-1) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return missed, fmt.Errorf("backend: adapt: %w", err)
			}
			lacking, err := s.decide(j, batch, changes)
			if missed += lacking; err != nil {
				return missed, err
			}
			batch = batch[:0]
		}
	}
	return missed, nil
}

// compare tells whether and how a page changes when its groups should have the
// decided bits.
func (s *Sequence) compare(p pageID, decided []uint32) (ch change, missed int64, changed bool) {
	ch = change{bits: append([]uint8(nil), s.store.pageBits(p)...)}
	for g, old := range ch.bits {
		b := uint8(decided[g])
		switch {
		case old == failedBits || b == old:
		case b > old && !s.host.has(p, g):
			missed++
		default:
			ch.bits[g], changed = b, true
			ch.promote = ch.promote || b > old
		}
	}
	return ch, missed, changed
}
