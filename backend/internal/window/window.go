package window

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Window is the recent window of a sequence: [slot][K, V][layer][KV head][D] of
// the cache's type, where token t lies in slot t mod RingTokens.
type Window struct {
	*Staging
	Ring    device.Buffer
	From    int   // the ring has the rows of every token from this one on
	Clamped int64 // elements that were clamped when they were converted into it
	waits   []Appended
}

// New makes an empty window. The id is in the buffer's label.
func (s *Staging) New(id uint64) (*Window, error) {
	w := &Window{Staging: s}
	var err error
	if w.Ring, err = s.newRing(id); err != nil {
		return nil, err
	}
	s.windows = append(s.windows, w)
	return w, nil
}

func (s *Staging) newRing(id uint64) (device.Buffer, error) {
	b, err := s.work.Device.NewBuffer(fmt.Sprintf("ring.%d", id), s.work.RingTokens*s.work.TokenWords, device.DeviceLocal)
	if err != nil {
		return nil, fmt.Errorf("backend: recent window of sequence %d: %w", id, err)
	}
	return b, nil
}

// Release frees the ring and forgets the rows that wait for it.
func (w *Window) Release() {
	w.Ring.Release()
	w.waits = nil
	w.windows = slices.DeleteFunc(w.windows, func(o *Window) bool { return o == w })
	w.settle()
}

// Advance says that the sequence now has so many tokens.
func (w *Window) Advance(tokens int) { w.From = max(w.From, tokens-w.work.RingTokens) }

// regions are the places of the tokens from..end in a ring, in two runs at most.
func (w *Window) regions(from, end int) (list []device.Region) {
	for token := from; token < end; {
		n := min(end-token, w.work.RingTokens-token%w.work.RingTokens)
		at := w.work.RingAt(token, shaders.Key, 0)
		list = append(list, device.Region{Src: at, Dst: at, Words: n * w.work.TokenWords})
		token += n
	}
	return list
}

// CopyTo copies the tokens from..end to another ring, in a list of a role.
func (w *Window) CopyTo(role string, to device.Buffer, from, end int) error {
	if from == end {
		return nil
	}
	return w.work.Run.Run(role, func(l *device.List) {
		l.Copy(w.Ring, to, w.regions(from, end)...)
		l.Mark(role)
	})
}

// RowsOf writes the rows of a token and layer from the host to out as words.
type RowsOf func(k shaders.Kind, layer, token int, out []uint32) error

// Restore puts a ring with the rows of the tokens from..end in the place of the
// old one: those that it has no more come from the host.
func (w *Window) Restore(id uint64, from, end int, rows RowsOf) error {
	if err := w.Free(); err != nil { // the upload buffer is needed
		return err
	}
	ring, err := w.newRing(id)
	if err != nil {
		return err
	}
	here := min(w.From, end)
	if err = w.CopyTo("restore", ring, here, end); err == nil {
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

// upload brings the rows of the tokens from..end from the host to a ring, as many
// at a time as fit the upload buffer.
func (w *Window) upload(ring device.Buffer, from, end int, rows RowsOf) error {
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
			regions = core.JoinRegion(regions, device.Region{Src: used, Dst: g.RingAt(token, kind, layer), Words: g.LayerWords})
			used += g.LayerWords
		}
	}
	return w.uploadSome(ring, regions)
}

func (w *Window) uploadSome(ring device.Buffer, regions []device.Region) error {
	return w.work.Run.Run("restore", func(l *device.List) {
		l.Copy(w.work.Rows, ring, regions...)
		l.Mark("restore")
	})
}
