// Package store quantizes tokens that left the recent window: encode chooses
// outliers, ranges and bits and quantizes, the host reads the bits and finds room
// of just that size, and pack writes the pages.
package store

import (
	"context"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Encoder encodes pages of one sequence.
type Encoder interface {
	// Fits tells whether n pages of each kind fit the buffers at once.
	Fits(n int) bool
	// Ends tells whether a batch must end with a layer group that is not the last.
	Ends(layerGroup int) bool
	// Encode encodes pages of K, and the pages of V of the same tokens. It returns
	// K before V of the same tokens, as they will lie in their segments.
	Encode(batch []pages.ID) ([]Page, error)
	// Pack records that encoded pages, of which the first is number first of a batch
	// that has half pages of each kind, are written where they go in a segment.
	Pack(l *device.List, plan *core.Room, to device.Buffer, encoded []Page, first, half int)
}

// Page is a page that was encoded.
type Page struct {
	pages.ID
	Bits  []uint8
	Unmet int // groups whose bound is not kept
	To    *pages.Pair
}

// Storing stores pages of one sequence.
type Storing struct {
	Work    *core.Work
	Codec   codec.Codec
	Table   *pages.Table
	Encoder Encoder
	Compact func() error // gathers the free room of the reserve
	Pace    *core.Pace   // of encode; pack does less with the pages of a list
}

// firstPace is the ns that encode is taken to last for an element until it was
// timed: as with outliers of large groups on two cores of a processor, the slowest
// there is.
const firstPace = 125

// NewPace bounds submissions of encode to a limit; negative: none. A unit of work is
// a page of each kind.
func NewPace(limit time.Duration, g *core.Geometry) core.Pace {
	return core.NewPace(limit, firstPace*float64(2*g.PageGroups*g.Layout.Group()))
}

// Store stores the pages from..to of all layer groups. On an error some are
// stored; the caller truncates the table.
func (s *Storing) Store(ctx context.Context, from, to int) error {
	var batch []pages.ID // of K; V has the same
	most := core.Most((to-from)*s.Work.LayerGroups, s.Encoder.Fits)
	for lg := range s.Work.LayerGroups {
		for number := from; number < to; number++ {
			batch = append(batch, pages.ID{Kind: shaders.Key, LayerGroup: lg, Page: number})
			last := number == to-1 && (lg == s.Work.LayerGroups-1 || s.Encoder.Ends(lg))
			if len(batch) < min(most, s.Pace.Budget()) && !last {
				continue
			}
			if err := s.storeBatch(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}

// storeBatch encodes and packs the pages of K and of V.
func (s *Storing) storeBatch(ctx context.Context, batch []pages.ID) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("backend: step: %w", err)
	}
	var encoded []Page
	took, err := s.Work.Run.Timed(func() (err error) {
		encoded, err = s.Encoder.Encode(batch)
		return err
	})
	if err != nil {
		return err
	}
	s.Pace.Add(len(batch), took)
	for from := 0; from < len(encoded); {
		to, err := s.packSome(encoded, from)
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// packSome packs encoded pages from one on: those for which room is found at
// once. It returns the next page.
func (s *Storing) packSome(encoded []Page, from int) (to int, err error) {
	growths, to, err := s.place(encoded, from)
	if err == nil {
		err = s.Work.Run.Run("pack", func(l *device.List) { s.recordPack(l, growths, encoded[from:to], from, len(encoded)/2) })
	}
	for i := range growths {
		if err != nil {
			growths[i].Drop()
		} else {
			growths[i].Commit()
		}
	}
	if err != nil {
		return from, err
	}
	for i := from; i < to; i += 2 {
		s.Table.Append(encoded[i].LayerGroup, encoded[i].To, [2][]uint8{encoded[i].Bits, encoded[i+1].Bits}, [2]int{encoded[i].Unmet, encoded[i+1].Unmet})
	}
	return to, nil
}

// place finds room for the pages from one on, layer group by layer group, until
// enough pairs move. It returns the room that it took, also when it fails, and the
// page behind the last one that has room. Where the reserve has room that is
// scattered, it gathers that first, before it takes any.
func (s *Storing) place(encoded []Page, from int) (growths []pages.Growth, to int, err error) {
	to = from
	for copied := 0; to < len(encoded) && copied < adapt.CopyWords(s.Table); {
		lg, sizes := encoded[to].LayerGroup, []pages.Sizes(nil)
		for i := to; i < len(encoded) && encoded[i].LayerGroup == lg; i += 2 {
			sizes = append(sizes, pages.Sizes{s.words(encoded[i]), s.words(encoded[i+1])})
		}
		g, ok := s.Table.Fit(lg, sizes)
		if !ok && s.Table.Scattered() {
			if len(growths) > 0 {
				return growths, to, nil
			}
			if err := s.Compact(); err != nil {
				return nil, to, err
			}
			g, ok = s.Table.Fit(lg, sizes)
		}
		if !ok {
			if g, err = s.Table.Enlarge(lg, sizes); err != nil {
				return growths, to, err
			}
		}
		growths = append(growths, g)
		copied += g.Copied()
		for _, p := range g.Pairs {
			encoded[to].To, encoded[to+1].To = p, p
			to += 2
		}
	}
	return growths, to, nil
}

func (s *Storing) words(p Page) int { return s.Codec.PageWords(p.ID, p.Bits) }

// recordPack records the packing of pages: one list entry for those in a row that
// go to the same segment. They are those from number first on of a batch that has
// half pages of each kind.
func (s *Storing) recordPack(l *device.List, growths []pages.Growth, encoded []Page, first, half int) {
	copied := false
	for i := range growths {
		copied = growths[i].Record(l) || copied
	}
	if copied {
		l.Barrier(device.Transfer, device.Shader)
		l.Mark("grow")
	}
	plan := s.Work.PlanRoom()
	for at := 0; at < len(encoded); {
		end, to := at, encoded[at].To.Segment
		for end < len(encoded) && encoded[end].To.Segment == to {
			end++
		}
		if at > 0 && to.Reserved {
			l.Barrier(device.Shader, device.Shader)
		}
		s.Encoder.Pack(l, plan, to.Buffer, encoded[at:end], first+at, half)
		at = end
	}
	l.Check(plan.Err())
	l.Mark("pack")
}
