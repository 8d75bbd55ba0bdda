package pages

import (
	"cmp"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
)

// Parts of a segment of the reserve: the least free room that is worth gathering at any time,
// and where something finds no room.
const (
	GatherPart = 64
	LastPart   = 256
)

// Scattered tells whether the free room of some segment of the reserve is at least a part
// of it, and less than half of that lies side by side.
func (a *Arena) Scattered(part int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.reserve, func(g *Segment) bool { return g.scattered(part) })
}

func (g *Segment) scattered(part int) bool {
	words, widest := g.room()
	return words >= g.Buffer.Len()/part && widest < words/2
}

// Compact gathers the free room of the segments that are scattered: pairs move down in
// them, over a staging buffer. Nothing else may use the pairs meanwhile.
func (a *Arena) Compact(run *core.Runner, staging device.Buffer, part int) error {
	for _, seg := range a.reserve {
		if !seg.scattered(part) {
			continue
		}
		pairs, places := a.gathered(seg)
		err := run.Run("compact", func(l *device.List) { recordCompact(l, staging, pairs, places) })
		if err != nil {
			return err
		}
		a.gather(seg, pairs, places)
	}
	return nil
}

// gathered are the pairs of a segment in their order, and where they begin when
// no room is between them.
func (a *Arena) gathered(seg *Segment) (pairs []*Pair, places []int) {
	a.each(func(_ int, p *Pair) {
		if p.Segment == seg {
			pairs = append(pairs, p)
		}
	})
	slices.SortFunc(pairs, func(a, b *Pair) int { return cmp.Compare(a.Span().At, b.Span().At) })
	at := 0
	for _, p := range pairs {
		places = append(places, at)
		at += p.Span().Words
	}
	return pairs, places
}

// recordCompact records the moves of pairs of a segment, as many words at a time
// as fit the staging buffer.
func recordCompact(l *device.List, staging device.Buffer, pairs []*Pair, places []int) {
	var up, down []device.Region
	used := 0
	flush := func() {
		if used == 0 {
			return
		}
		l.Copy(pairs[0].Segment.Buffer, staging, up...)
		l.Barrier(device.Transfer, device.Transfer)
		l.Copy(staging, pairs[0].Segment.Buffer, down...)
		l.Barrier(device.Transfer, device.Transfer)
		up, down, used = nil, nil, 0
	}
	for i, p := range pairs {
		from, to := p.Span(), places[i]
		if from.At == to {
			continue
		}
		for done := 0; done < from.Words; {
			n := min(from.Words-done, staging.Len()-used)
			up = core.JoinRegion(up, device.Region{Src: from.At + done, Dst: used, Words: n})
			down = core.JoinRegion(down, device.Region{Src: used, Dst: to + done, Words: n})
			if done, used = done+n, used+n; used == staging.Len() {
				flush()
			}
		}
	}
	flush()
	l.Mark("compact")
}

// gather enters that the pairs of a segment lie side by side from its begin on.
func (a *Arena) gather(seg *Segment, pairs []*Pair, places []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	end := 0
	for i, p := range pairs {
		p.Pages = p.Sizes().at(places[i])
		end = p.Span().end()
	}
	seg.free = nil
	if n := seg.Buffer.Len() - end; n > 0 {
		seg.free = []Span{{end, n}}
	}
}
