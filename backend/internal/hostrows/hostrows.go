// Package hostrows keeps the full-precision rows of stored tokens in host memory,
// so that groups can get bits back and the recent window can be restored.
package hostrows

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/hostcache"
	"github.com/qaqvk/qaqvk/shaders"
)

// Pool has the rows of all sequences of a cache, within a budget of bytes. Rows
// come down in two buffers of mapped memory, which are emptied while the device
// goes on.
type Pool struct {
	work    *core.Work
	rows    *hostcache.Cache // nil: the budget is 0
	buffers []device.Buffer
}

const staging = 2

// NewPool makes a pool. Without a budget it keeps nothing.
func NewPool(w *core.Work, budget int64, bufferWords int) (*Pool, error) {
	p := &Pool{work: w}
	if budget == 0 {
		return p, nil
	}
	var mapped [][]byte
	for i := range staging {
		b, err := w.Device.NewBuffer(fmt.Sprintf("host%d", i), bufferWords, device.Download)
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("backend: new cache: %w", err)
		}
		p.buffers = append(p.buffers, b)
		words := b.Words()
		mapped = append(mapped, unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 4*len(words)))
	}
	var err error
	p.rows, err = hostcache.New(hostcache.Config{Layers: w.Layers, RowBytes: 4 * w.LayerWords, Budget: budget, Staging: mapped})
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("backend: new cache: %w", err)
	}
	return p, nil
}

// Close frees everything.
func (p *Pool) Close() {
	if p.rows != nil {
		p.rows.Close()
	}
	core.Release(p.buffers...)
	p.buffers = nil
}

// Bytes are the bytes of the kept rows of all sequences, BufferBytes those of the
// mapped memory.
func (p *Pool) Bytes() int64 {
	if p.rows == nil {
		return 0
	}
	return p.rows.Stats().Bytes
}

// BufferBytes are the bytes of the mapped memory.
func (p *Pool) BufferBytes() int64 { return core.Bytes(p.buffers...) }

// Rows are those of one sequence.
type Rows struct {
	pool *Pool
	id   uint64
	kept int   // tokens whose rows are here, from the first on
	gone []int // by layer group: of these, tokens whose rows were given up, from the first on
}

// NewRows are the rows of a new sequence: none.
func (p *Pool) NewRows(id uint64) *Rows {
	return &Rows{pool: p, id: id, gone: make([]int, p.work.LayerGroups)}
}

// Drop forgets the rows.
func (r *Rows) Drop() {
	if r.pool.rows != nil {
		r.pool.rows.Drop(r.id)
	}
}

// Kept are the tokens whose rows are here, from the first on, but for those that were
// given up.
func (r *Rows) Kept() int { return r.kept }

// Gone are the tokens, from the first on, of which some layer's rows were given up.
func (r *Rows) Gone() int { return slices.Max(r.gone) }

// GiveUp forgets the rows of a layer group's layers before a token.
func (r *Rows) GiveUp(layerGroup, token int) error {
	first := r.gone[layerGroup]
	if r.pool.rows == nil || token <= first {
		return nil
	}
	layer, end := r.pool.work.LayersOf(layerGroup)
	for _, side := range []hostcache.Side{hostcache.K, hostcache.V} {
		err := r.pool.rows.Remove(hostcache.Range{Sequence: r.id, Side: side, Layer: layer, Layers: end - layer, Token: first, Tokens: token - first})
		if err != nil {
			return fmt.Errorf("backend: step: %w", err)
		}
	}
	r.gone[layerGroup] = token
	return nil
}

// Keep copies the rows of the tokens from..to from the ring to the host. Where
// the budget is reached, the rest and all later tokens are not kept: those tokens
// are never promoted.
func (r *Rows) Keep(ctx context.Context, ring core.Ring, from, to int) error {
	if r.pool.rows == nil || r.kept < from {
		return nil
	}
	w := r.pool.work
	most := r.pool.buffers[0].Len() / w.TokenWords
	for token := from; token < to && r.kept == token; {
		n := min(most, ring.Run(token, to))
		if err := r.keepSome(ctx, ring, token, n); err != nil {
			return err
		}
		token += n
	}
	return nil
}

// keepSome copies tokens that lie side by side in the ring and fit a buffer.
func (r *Rows) keepSome(ctx context.Context, ring core.Ring, token, n int) error {
	rows, w := r.pool.rows, r.pool.work
	slot, err := rows.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("backend: keep: %w", err)
	}
	region := device.Region{Src: ring.At(w.Geometry, token, shaders.Key, 0), Words: n * w.TokenWords}
	err = w.Run.Run("keep", func(l *device.List) {
		l.Copy(ring.Buffer, r.pool.buffers[slot.Index], region)
		l.Mark("keep")
	})
	if err == nil {
		err = rows.Publish(slot, r.ranges(token, n)...)
	}
	if err == nil {
		r.kept = token + n
		return nil
	}
	if errors.Is(err, hostcache.ErrBudget) {
		err = nil
	}
	return errors.Join(err, rows.Release(slot))
}

// ranges name the rows of tokens in the order of the ring.
func (r *Rows) ranges(token, n int) []hostcache.Range {
	list := make([]hostcache.Range, 0, 2*n)
	for t := token; t < token+n; t++ {
		for _, side := range []hostcache.Side{hostcache.K, hostcache.V} {
			list = append(list, hostcache.Range{Sequence: r.id, Side: side, Layers: r.pool.work.Layers, Token: t, Tokens: 1})
		}
	}
	return list
}

// read are the rows of a token in some layers.
func (r *Rows) read(call string, k shaders.Kind, layer, layers, token int) ([][]byte, error) {
	rows, err := r.pool.rows.Rows(hostcache.Range{Sequence: r.id, Side: hostcache.Side(k),
		Layer: layer, Layers: layers, Token: token, Tokens: 1})
	if err != nil {
		return nil, fmt.Errorf("backend: %s: %w", call, err)
	}
	return rows, nil
}

// Group writes the rows of a group of a page to out as words.
func (r *Rows) Group(p pages.ID, group int, out []uint32) error {
	w := r.pool.work
	from, to := w.LayersOf(p.LayerGroup)
	rows, err := r.read("adapt", p.Kind, from, to-from, w.TokenOf(p.Page, group))
	if err != nil {
		return err
	}
	skip := 4 * (group % w.TokenGroups) * w.Layout.RawGroupWords() // bytes before the group in its layer
	for _, row := range rows {
		n := min(len(row)/4, w.Layout.RawGroupWords())
		copyWords(out[:n], row[skip:])
		out = out[n:]
	}
	return nil
}

// Layer writes the rows of a token and layer to out as words.
func (r *Rows) Layer(k shaders.Kind, layer, token int, out []uint32) error {
	rows, err := r.read("rollback", k, layer, 1, token)
	if err != nil {
		return err
	}
	copyWords(out[:len(rows[0])/4], rows[0])
	return nil
}

func copyWords(out []uint32, row []byte) {
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(row[4*i:])
	}
}

// Truncate forgets the rows from a token on.
func (r *Rows) Truncate(token int) error {
	if r.kept <= token {
		return nil
	}
	r.kept = token
	return r.pool.rows.Truncate(r.id, token)
}

// Fork gives to, of a new sequence, the rows that are here.
func (r *Rows) Fork(to *Rows) error {
	if r.pool.rows == nil {
		return nil
	}
	if err := r.pool.rows.Fork(r.id, to.id); err != nil {
		return fmt.Errorf("backend: fork: %w", err)
	}
	to.kept, to.gone = r.kept, slices.Clone(r.gone)
	return nil
}

// Bytes are the bytes of the kept rows.
func (r *Rows) Bytes() int64 {
	if r.pool.rows == nil {
		return 0
	}
	return r.pool.rows.Bytes(r.id)
}
