package kvbuffer

import (
	"context"
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/backend"
)

// mostQueries are those of a call of the cache.
const mostQueries = 512

// Attention is an attention op of a stream.
type Attention struct {
	Keys, Values   int // where those that it sees begin in the buffer
	From           int // the first query of the stream in the rows that wait: those of all streams stand in a row
	QueryHeads     int
	KVHeads        int
	HeadDim        int
	MostQueries    int // that the graphs of the context have
	Scale, SoftCap float32
	Q, Out         []float32 // [queries][query heads][D]
	Mask           Mask
	Unfit          string // why a cache cannot do it; "": nothing is known to be against it
}

// queries are those of the op; it has at least one.
func (a *Attention) queries() int { return len(a.Q) / (a.QueryHeads * a.HeadDim) }

// Attend computes attention from the cache. false: the rows of the stream are in memory,
// and the caller computes it there. After the streams of an op, Attended must be called.
func (b *Buffer) Attend(a Attention) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prepare()
	if b.layout == nil {
		b.counts.Host++
		return false, nil
	}
	if err := b.settle(); err != nil {
		return false, err
	}
	layer, s, err := b.locate(a)
	if err != nil {
		return false, err
	}
	reason, err := b.fit(s, layer, a)
	if err != nil {
		return false, err
	}
	if reason != "" {
		b.counts.Host++
		return false, b.giveUp(s, reason)
	}
	return true, b.attend(s, layer, a)
}

// locate returns the layer and the stream of an op.
func (b *Buffer) locate(a Attention) (layer int, s *stream, err error) {
	layer, kind, ok := b.layout.find(a.Keys)
	if !ok || kind != key {
		return 0, nil, fmt.Errorf("kvbuffer: attention to keys from byte %d on: there are none", a.Keys)
	}
	i := (a.Keys - b.layout.tensors[layer][key]) / b.layout.streamBytes()
	if a.Keys != b.layout.at(layer, key, i, 0) || a.Values != b.layout.at(layer, value, i, 0) {
		return 0, nil, fmt.Errorf("kvbuffer: attention to keys from byte %d and values from byte %d on: not those of a stream", a.Keys, a.Values)
	}
	return layer, b.streams[i], nil
}

// giveUp computes attention of a stream from memory for good.
func (b *Buffer) giveUp(s *stream, reason string) error {
	b.say("attention from host memory: %s", reason)
	s.raw = true
	return b.toMemory(s)
}

// fit makes the tokens of a stream those that the op sees; the reason says why that
// cannot be.
func (b *Buffer) fit(s *stream, layer int, a Attention) (reason string, err error) {
	if s.raw {
		return "a stream stays there once it is", nil
	}
	if reason, err := b.fitCache(a); reason != "" || err != nil {
		return reason, err
	}
	if reason := b.checkCap(s, a.SoftCap); reason != "" {
		return reason, nil
	}
	n := a.queries()
	cells, _, ok := b.batch(s, layer, a.From, n)
	if ok && !s.inStep(layer, cells) {
		if reason, err = b.plan(s, a.Mask, cells); reason != "" || err != nil {
			return reason, err
		}
	}
	if !ok && n > mostQueries {
		return fmt.Sprintf("%d queries of rows that are in, limit %d", n, mostQueries), nil
	}
	if !s.fits(a.Mask, n, b.scratchRow()) {
		return notCausal, nil
	}
	return "", nil
}

// inStep tells whether a layer waits for these cells in the step that is open.
func (s *stream) inStep(layer int, cells []int32) bool {
	return s.step != nil && s.step.have[layer] == 0 && slices.Equal(s.step.cells, cells)
}

// attend appends the rows of the op that wait and attends, so many at a time as a call
// may have.
func (b *Buffer) attend(s *stream, layer int, a Attention) error {
	n, width := a.queries(), a.QueryHeads*a.HeadDim
	_, rows, waits := b.batch(s, layer, a.From, n)
	b.counts.Attended++
	if waits {
		rows[key] = b.lessMean(s, layer, len(s.order)-n, rows[key])
	}
	for from := 0; from < n; from += mostQueries {
		to := min(n, from+mostQueries)
		if waits {
			r := b.layout.row
			if err := s.seq.Append(layer, backend.RowsBytes(backend.F16, rows[key][from*r:to*r]), backend.RowsBytes(backend.F16, rows[value][from*r:to*r])); err != nil {
				return err
			}
			s.step.have[layer] = to
		}
		q, out := backend.RowsF32(a.Q[from*width:to*width]), backend.RowsF32(a.Out[from*width:to*width])
		if err := s.seq.Attend(context.Background(), layer, q, out, backend.AttendOptions{Scale: a.Scale, SoftCap: a.SoftCap}); err != nil {
			return err
		}
	}
	if waits {
		b.observe(s, layer, a, rows)
		return b.layerDone(s)
	}
	return nil
}

// layerDone ends the step with the last layer.
func (b *Buffer) layerDone(s *stream) error {
	if s.step.left--; s.step.left > 0 {
		return nil
	}
	s.step, s.unchanged = nil, len(s.order)
	if err := b.endStep(s); err != nil {
		return err
	}
	if err := b.center(s); err != nil {
		return err
	}
	return b.giveBack(s)
}

// Attended ends an attention op: rows of streams that stayed in memory go there before
// it is computed.
func (b *Buffer) Attended(at int, done []bool, n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.layout == nil {
		return nil
	}
	layer, _, ok := b.layout.find(at)
	if !ok {
		return nil
	}
	for kind := range 2 {
		w := &b.waiting[layer][kind]
		for i := len(done) - 1; i >= 0; i-- {
			if done[i] && len(w.cells) >= (i+1)*n {
				w.cells = slices.Delete(w.cells, i*n, (i+1)*n)
				w.data = slices.Delete(w.data, i*n*b.layout.row, (i+1)*n*b.layout.row)
			}
		}
		if err := b.flush(layer, kind); err != nil {
			return err
		}
	}
	return nil
}
