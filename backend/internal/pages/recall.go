package pages

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
)

// Recall moves pairs that lie outside the reserve into it, where all of a segment find room.
// Nothing else may use the pairs meanwhile.
func (a *Arena) Recall(run *core.Runner) error {
	for _, pairs := range a.outside() {
		places := a.PlaceAll(nil, pairs.layerGroup, pairs.sizes())
		if places == nil {
			continue
		}
		if err := run.Run("recall", func(l *device.List) { recordCopies(l, pairs.list, places); l.Mark("recall") }); err != nil {
			a.FreeAll(places)
			return err
		}
		for i, p := range pairs.list {
			a.move(p, places[i])
		}
	}
	return nil
}

// segmentPairs are the pairs in a segment of a layer group.
type segmentPairs struct {
	layerGroup int
	list       []*Pair
}

func (s *segmentPairs) sizes() (sizes []Sizes) {
	for _, p := range s.list {
		sizes = append(sizes, p.Sizes())
	}
	return sizes
}

// outside are the pairs of each segment outside the reserve; none where there is no reserve.
func (a *Arena) outside() (all []*segmentPairs) {
	if _, segments := a.Size(); len(a.reserve) == 0 || segments == len(a.reserve) {
		return nil
	}
	of := map[*Segment]*segmentPairs{}
	a.each(func(layerGroup int, p *Pair) {
		if p.Segment.Reserved {
			return
		}
		if of[p.Segment] == nil {
			of[p.Segment] = &segmentPairs{layerGroup: layerGroup}
			all = append(all, of[p.Segment])
		}
		of[p.Segment].list = append(of[p.Segment].list, p)
	})
	return all
}
