// Package store quantizes tokens that left the recent window: encode chooses
// outliers, ranges and bits and quantizes, the host reads the bits and finds room
// of just that size, and pack writes the pages.
package store

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/choose"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/importance"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Storing stores pages of one sequence.
type Storing struct {
	Work       *core.Work
	Table      *pages.Table
	Ring       device.Buffer
	Importance *importance.Layout
	Choices    [2]*choose.Choice // by kind
	Compact    func() error      // gathers the free room of the reserve
}

// page is a page that was encoded.
type page struct {
	pages.ID
	bits  []uint8
	unmet int // groups whose bound is not kept
	words int
	to    *pages.Pair // where it goes; nil: not placed yet
}

// Store stores the pages from..to of all layer groups. On an error some are
// stored; the caller truncates the table.
func (s *Storing) Store(ctx context.Context, from, to int) error {
	var batch []pages.ID // of K; V has the same
	most := Most(s.Work, (to-from)*s.Work.LayerGroups)
	for lg := range s.Work.LayerGroups {
		for number := from; number < to; number++ {
			batch = append(batch, pages.ID{Kind: shaders.Key, LayerGroup: lg, Page: number})
			if len(batch) < most && (number < to-1 || !s.Importance.EndsView(lg)) {
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
	if err := s.encode(batch); err != nil {
		return err
	}
	encoded := s.readBits(batch)
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
func (s *Storing) packSome(encoded []page, from int) (to int, err error) {
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
		s.Table.Append(encoded[i].LayerGroup, encoded[i].to, [2][]uint8{encoded[i].bits, encoded[i+1].bits}, [2]int{encoded[i].unmet, encoded[i+1].unmet})
	}
	return to, nil
}

// place finds room for the pages from one on, layer group by layer group, until
// enough pairs move. It returns the room that it took, also when it fails, and the
// page behind the last one that has room. Where the reserve has room that is
// scattered, it gathers that first, before it takes any.
func (s *Storing) place(encoded []page, from int) (growths []pages.Growth, to int, err error) {
	to = from
	for copied := 0; to < len(encoded) && copied < adapt.CopyWords(s.Table); {
		lg, sizes := encoded[to].LayerGroup, []pages.Sizes(nil)
		for i := to; i < len(encoded) && encoded[i].LayerGroup == lg; i += 2 {
			sizes = append(sizes, pages.Sizes{encoded[i].words, encoded[i+1].words})
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
			encoded[to].to, encoded[to+1].to = p, p
			to += 2
		}
	}
	return growths, to, nil
}
