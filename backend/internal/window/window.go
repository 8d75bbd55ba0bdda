package window

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Window is the recent window of a sequence.
type Window struct {
	*Staging
	Ring    core.Ring
	From    int   // the ring has the rows of every token from this one on
	Clamped int64 // elements that were clamped when they were converted into it
	id      uint64
	waits   []Appended
}

// New makes an empty window with room for so many tokens. The id is in the buffer's
// label.
func (s *Staging) New(id uint64, tokens int) (*Window, error) {
	w := &Window{Staging: s, id: id}
	var err error
	if w.Ring, err = w.newRing(tokens); err != nil {
		return nil, err
	}
	s.windows = append(s.windows, w)
	return w, nil
}

func (w *Window) newRing(tokens int) (core.Ring, error) {
	b, err := w.work.Device.NewBuffer(fmt.Sprintf("ring.%d", w.id), tokens*w.work.TokenWords, device.DeviceLocal)
	if err != nil {
		return core.Ring{}, fmt.Errorf("backend: recent window of sequence %d: %w", w.id, err)
	}
	return core.Ring{Buffer: b, Tokens: tokens}, nil
}

// Release frees the ring and forgets the rows that wait for it.
func (w *Window) Release() {
	w.Ring.Release()
	w.waits = nil
	w.windows = slices.DeleteFunc(w.windows, func(o *Window) bool { return o == w })
	w.settle()
}

// Advance says that the sequence now has so many tokens.
func (w *Window) Advance(tokens int) { w.From = max(w.From, tokens-w.Ring.Tokens) }

// regions are the places of the tokens from..end in the ring and in another one.
func (w *Window) regions(to core.Ring, from, end int) (list []device.Region) {
	for token := from; token < end; {
		n := to.Run(token, token+w.Ring.Run(token, end))
		list = append(list, device.Region{Src: w.Ring.At(w.work.Geometry, token, shaders.Key, 0),
			Dst: to.At(w.work.Geometry, token, shaders.Key, 0), Words: n * w.work.TokenWords})
		token += n
	}
	return list
}

// CopyTo copies the tokens from..end to another ring, in a list of a role.
func (w *Window) CopyTo(role string, to core.Ring, from, end int) error {
	if from == end {
		return nil
	}
	return w.work.Run.Run(role, func(l *device.List) {
		l.Copy(w.Ring.Buffer, to.Buffer, w.regions(to, from, end)...)
		l.Mark(role)
	})
}

// Resize puts a ring with room for so many tokens in the place of the old one, with the
// newest of the tokens up to end.
func (w *Window) Resize(tokens, end int) error {
	ring, err := w.newRing(tokens)
	if err != nil {
		return err
	}
	return w.replace("resize", ring, max(w.From, end-w.Ring.Tokens, end-tokens), end, nil)
}

// Restore puts a ring with the rows of the tokens from..end in the place of the
// old one: those that it has no more come from the host.
func (w *Window) Restore(from, end int, rows RowsOf) error {
	if err := w.Free(); err != nil { // the upload buffer is needed
		return err
	}
	ring, err := w.newRing(max(w.Ring.Tokens, w.work.RingTokens(end-from)))
	if err != nil {
		return err
	}
	return w.replace("restore", ring, from, end, rows)
}

// replace brings the tokens from..end to a new ring, which takes the place of the old one.
func (w *Window) replace(role string, ring core.Ring, from, end int, rows RowsOf) error {
	here := max(from, min(w.From, end))
	err := w.CopyTo(role, ring, here, end)
	if err == nil && from < here {
		err = w.upload(ring, from, here, rows)
	}
	if err != nil {
		ring.Release()
		return err
	}
	w.Ring.Release()
	w.Ring, w.From = ring, from
	return nil
}

// RowsOf writes the rows of a token and layer from the host to out as words.
type RowsOf func(k shaders.Kind, layer, token int, out []uint32) error

// upload brings the rows of the tokens from..end from the host to a ring, as many
// at a time as fit the upload buffer.
func (w *Window) upload(ring core.Ring, from, end int, rows RowsOf) error {
	g, words := w.work, w.work.Rows.Words()
	var regions []device.Region
	used := 0
	for token := from; token < end; token++ {
		for part := range 2 * g.Layers {
			kind, layer := shaders.Kind(part/g.Layers), part%g.Layers
			if used+g.LayerWords > len(words) {
				if err := w.uploadSome(ring, regions); err != nil {
					return err
				}
				regions, used = nil, 0
			}
			if err := rows(kind, layer, token, words[used:]); err != nil {
				return err
			}
			regions = core.JoinRegion(regions, device.Region{Src: used, Dst: ring.At(g.Geometry, token, kind, layer), Words: g.LayerWords})
			used += g.LayerWords
		}
	}
	return w.uploadSome(ring, regions)
}

func (w *Window) uploadSome(ring core.Ring, regions []device.Region) error {
	return w.work.Run.Run("restore", func(l *device.List) {
		l.Copy(w.work.Rows, ring.Buffer, regions...)
		l.Mark("restore")
	})
}
