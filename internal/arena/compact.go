package arena

import (
	"cmp"
	"slices"
)

// Move asks the caller to copy a page of Words words. To is reserved already.
type Move struct {
	From, To Ref
	Words    uint32
}

const (
	slackBegin = 25 // Compaction works when free > live/slackBegin (4 %)
	slackEnd   = 40 // and aims at free <= live/slackEnd (2.5 %)
	// largest is the part of the live words that a slab of moved pages has at
	// most: 1/largest. Larger slabs mean fewer dispatches but dearer moves.
	largest = 16
)

// Compaction proposes moves of together at most maxWords words that empty the
// sparsest slabs into holes of the others, or into a new slab where no hole
// fits. It returns none while free words are at most 4 % of the live ones or
// when nothing would be gained. The targets are reserved: hand the moves to
// Commit once the pages are copied, or to Abandon. A slab with more than
// maxWords live is emptied over several calls.
func (a *Arena) Compaction(maxWords int) []Move {
	free := a.committed - a.live
	if free*slackBegin <= a.live {
		return nil
	}
	plan, gain := a.sources(free-a.live/slackEnd, int64(maxWords))
	moves, left := a.intoHoles(plan)
	if len(left) == 0 {
		return moves
	}
	for _, m := range left {
		gain -= int64(aligned(m.Words))
	}
	if gain <= 0 {
		a.Abandon(moves)
		return nil
	}
	return append(moves, a.intoNew(left)...)
}

// intoNew reserves room in new slabs that the pages fill exactly. Pages for
// which there is no room beside the slabs being emptied stay.
func (a *Arena) intoNew(left []Move) (moves []Move) {
	most := uint32(min(max(a.live/largest, MinSlab), MaxSlab))
	for len(left) > 0 {
		n, need := 0, uint32(0)
		for n < len(left) && (n == 0 || need+aligned(left[n].Words) <= most) {
			need += aligned(left[n].Words)
			n++
		}
		h, err := a.create(need)
		if err != nil {
			return moves
		}
		for _, m := range left[:n] {
			m.To = a.place(h, m.Words)
			h = hole{h.words - aligned(m.Words), Ref{h.at.Slab, h.at.Offset + aligned(m.Words)}}
			moves = append(moves, m)
		}
		left = left[n:]
	}
	return moves
}

// Commit frees the old places of pages that the caller has copied, and with
// the last page of a slab the slab.
func (a *Arena) Commit(moves []Move) error {
	for _, m := range moves {
		if err := a.Free(m.From); err != nil {
			return err
		}
	}
	return nil
}

// Abandon gives the targets of moves back; every page stays where it was.
func (a *Arena) Abandon(moves []Move) {
	for _, m := range moves {
		_ = a.Free(m.To) // known to be there: Compaction reserved it
	}
	for _, s := range a.list {
		if s != nil {
			s.draining = false
		}
	}
}

// sources marks the slabs to empty, the sparsest first, until their free
// words reach want or their pages maxWords. It returns the pages, the largest
// first, and the words that emptying them sets free at most.
func (a *Arena) sources(want, maxWords int64) (plan []Move, gain int64) {
	for _, id := range a.sparsest() {
		s := a.list[id]
		if want <= 0 || s.live == s.words {
			break
		}
		whole := int64(s.live) <= maxWords
		if !whole && len(plan) > 0 {
			break
		}
		s.draining = true
		for _, m := range s.moves(id) {
			if int64(m.Words) <= maxWords {
				maxWords -= int64(m.Words)
				plan = append(plan, m)
			}
		}
		want -= int64(s.words - s.live)
		gain += int64(s.words)
		if !whole {
			break
		}
	}
	slices.SortStableFunc(plan, func(x, y Move) int { return cmp.Compare(y.Words, x.Words) })
	return plan, gain
}

// sparsest lists the slabs, those already being emptied first, then by the
// part of them that is live.
func (a *Arena) sparsest() []int {
	var ids []int
	for id, s := range a.list {
		if s != nil {
			ids = append(ids, id)
		}
	}
	slices.SortStableFunc(ids, func(x, y int) int {
		s, t := a.list[x], a.list[y]
		if s.draining != t.draining {
			if s.draining {
				return -1
			}
			return 1
		}
		return cmp.Compare(int64(s.live)*int64(t.words), int64(t.live)*int64(s.words))
	})
	return ids
}

// moves lists the pages of a slab by offset.
func (s *slab) moves(id int) []Move {
	list := make([]Move, 0, len(s.pages))
	for offset, words := range s.pages {
		list = append(list, Move{From: Ref{id, offset}, Words: words})
	}
	slices.SortFunc(list, func(x, y Move) int { return cmp.Compare(x.From.Offset, y.From.Offset) })
	return list
}

// intoHoles reserves holes outside the slabs being emptied, and returns the
// pages that found none as left.
func (a *Arena) intoHoles(plan []Move) (moves, left []Move) {
	for _, m := range plan {
		h, ok := a.bestFit(m.Words, func(s *slab) bool { return !s.draining })
		if !ok {
			left = append(left, m)
			continue
		}
		m.To = a.place(h, m.Words)
		moves = append(moves, m)
	}
	return moves, left
}
