package pages

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
)

// Loan is room of the reserve that no page has and a call works in.
type Loan struct {
	segment *Segment
	span    Span
}

// View is the room; it has no words where there is no loan.
func (l Loan) View() device.View {
	if l.segment == nil {
		return device.View{}
	}
	return device.View{Buffer: l.segment.Buffer, Offset: l.span.At, Words: l.span.Words}
}

// Lend lends more than the least and at most the most words of the reserve, from a
// multiple of align on, or none: those behind half of the widest free run, so that pages of
// an adaptation that goes on find room meanwhile. Nothing may be compacted until they are
// returned.
func (a *Arena) Lend(least, most, align int) (lent Loan) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, seg := range a.reserve {
		if s := seg.lendable(most, align); s.Words > max(least, lent.span.Words) {
			lent = Loan{seg, s}
		}
	}
	if lent.segment != nil {
		lent.segment.carve(lent.span)
	}
	return lent
}

// Return takes back what Lend lent.
func (a *Arena) Return(l Loan) {
	if l.segment == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	l.segment.give(l.span)
}

// lendable are words at the end of the widest free run.
func (g *Segment) lendable(most, align int) Span {
	var widest Span
	for _, f := range g.free {
		if f.Words > widest.Words {
			widest = f
		}
	}
	end := widest.end() / align * align
	at := (max(widest.At+widest.Words/2, end-most) + align - 1) / align * align
	return Span{at, max(0, end-at)}
}

// carve takes words of a free run, of which some before them stay free.
func (g *Segment) carve(s Span) {
	i := slices.IndexFunc(g.free, func(f Span) bool { return f.At <= s.At && s.end() <= f.end() })
	end := g.free[i].end()
	g.free[i].Words = s.At - g.free[i].At
	if s.end() < end {
		g.give(Span{s.end(), end - s.end()})
	}
}
