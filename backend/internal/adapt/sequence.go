package adapt

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// HostRows are the full-precision rows of a sequence on the host.
type HostRows interface {
	Kept() int // tokens whose rows are there, from the first on
	// Group writes the rows of a group of a page to out as words.
	Group(p pages.ID, group int, out []uint32) error
}

// Chosen are pages of a layer group whose bits are chosen, from number First on;
// their pairs lie in one segment.
type Chosen struct {
	LayerGroup, First int
	Pairs             []*pages.Pair
}

// Choosing chooses the bits of a sequence's groups at one moment.
type Choosing interface {
	// Ready runs what must come before a list is recorded.
	Ready(Chosen) error
	// Record records the choice. It returns where in the buffer of bits those of K
	// and of V begin, page after page, -1: they are not chosen. What follows in the
	// list waits for what came before.
	Record(l *device.List, plan, bits *core.Room, c Chosen) (at [2]int)
}

// Chooser is what chooses in a cache.
type Chooser interface {
	Adapts() bool // bits may change
	// Measure takes what Record takes for n pages of each kind.
	Measure(plan, bits *core.Room, n int)
}

// Sequence is what adapting knows of a sequence.
type Sequence struct {
	extent *core.Extent
	table  *pages.Table
	host   HostRows
	choose func(tokens, stored int) Choosing

	position position // where the next batch of a round begins
	due      bool     // another round is to begin
	Err      error    // of batches, until TakeError

	Shortfall *Shortfall // a choice that could not be followed; nil: none
	Moves     Moves
}

// position is a page of a layer group; behind the last layer group there is none.
type position struct{ layerGroup, page int }

// NewSequence is what adapting knows of a new sequence.
func (d *Adapter) NewSequence(e *core.Extent, t *pages.Table, host HostRows, choose func(tokens, stored int) Choosing) *Sequence {
	return &Sequence{extent: e, table: t, host: host, choose: choose, position: position{layerGroup: d.work.LayerGroups}}
}

// Active tells whether a round has batches left.
func (s *Sequence) Active() bool { return s.position.layerGroup < s.table.LayerGroups() }

func (s *Sequence) beginRound() { s.due, s.position = false, position{} }

// TakeError returns the error of earlier batches, once.
func (s *Sequence) TakeError() error {
	err := s.Err
	s.Err = nil
	return err
}

// enqueue puts a sequence at the end of the queue, unless it is in it.
func (d *Adapter) enqueue(s *Sequence) {
	if !slices.Contains(d.queue, s) {
		d.queue = append(d.queue, s)
	}
}

// replace puts a pair in the place of an old one.
func (s *Sequence) replace(k, v moved) (done Moves) {
	var bits [2][]uint8
	for i, m := range [2]*moved{&k, &v} {
		bits[i] = m.old
		for g, b := range m.bits {
			if shaders.Fewer(m.old[g], b) {
				done.Promoted++
			} else if b != m.old[g] {
				done.Demoted++
			}
		}
		if m.bits != nil {
			bits[i] = m.bits
		}
	}
	s.table.Replace(k.LayerGroup, k.Page, k.to, bits)
	return done
}

// targets takes the next batch of a round: pairs of the reserve or whole segments,
// as many as fit the buffers, a submission and what a batch may have of all pages; at
// least one, or the part of it that fits. None are left at the end of a round.
func (d *Adapter) targets(s *Sequence) (list []target) {
	r, end := &s.position, s.extent.Stored/d.work.PageTokens
	limit := d.batchWords(s.table)
	bits, plan, words, allowed := d.bitsRoom(), d.planRoom(), 0, d.choosing.Budget()
	for s.Active() {
		if r.page >= end {
			*r = position{layerGroup: r.layerGroup + 1}
			continue
		}
		r.page = max(r.page, s.table.Freed(r.layerGroup))
		n, w := s.next(limit - words)
		tryBits, tryPlan := *bits, *plan
		if d.chooser.Measure(&tryPlan, &tryBits, n); tryBits.Err() != nil || tryPlan.Err() != nil || words+w > limit || n > allowed {
			if len(list) > 0 {
				return list
			}
			n = core.Most(min(n, allowed), d.fits)
			w = limit // the batch is full
			tryBits, tryPlan = *bits, *plan
			d.chooser.Measure(&tryPlan, &tryBits, n)
		}
		*bits, *plan, words, allowed = tryBits, tryPlan, words+w, allowed-n
		list = append(list, s.newTarget(r.layerGroup, r.page, r.page+n))
		r.page += n
	}
	return list
}

// fits tells whether the choice for so many pages of each kind fits the buffers.
func (d *Adapter) fits(n int) bool {
	bits, plan := d.bitsRoom(), d.planRoom()
	d.chooser.Measure(plan, bits, n)
	return bits.Err() == nil && plan.Err() == nil
}

// bitsRoom is the room for chosen bits, and in the scratch for weights.
func (d *Adapter) bitsRoom() *core.Room {
	return core.PartRoom(d.Bits, 0, min(d.Bits.Len(), d.work.Scratch.Len()), d.work.Limits.ViewAlign)
}

// next are the next pages of a round in one segment, and the words that move with
// them: of the reserve no more than about the given ones.
func (s *Sequence) next(most int) (n, words int) {
	r := s.position
	list, end := s.table.Pairs(r.layerGroup), s.table.RunEnd(r.layerGroup, r.page)
	if !list[r.page].Segment.Reserved {
		for _, p := range list[s.table.RunStart(r.layerGroup, r.page):end] {
			words += p.Span().Words
		}
		return end - r.page, words
	}
	for n = 0; r.page+n < end && (n == 0 || words < most); n++ {
		words += list[r.page+n].Span().Words
	}
	return n, words
}

// batchWords are the words of the pairs of a batch: those of CopyWords, but where a reserve
// has not much more room down to half of them, so that adapting takes no memory beside it.
func (d *Adapter) batchWords(t *pages.Table) int {
	words := CopyWords(t)
	if free, reserved := d.arena.Room(); reserved {
		words = min(words, max(words/2, free-free/4))
	}
	return words
}

// CopyWords are the words of pairs that may lie in two places at once, while they
// adapt or their segments grow: a part of all pages, or one segment.
func CopyWords(t *pages.Table) int { return max(int(t.Words()/parts), least) }
