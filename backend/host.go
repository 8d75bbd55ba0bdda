package backend

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/hostcache"
	"github.com/qaqvk/qaqvk/shaders"
)

// hostPool keeps the full-precision rows of stored tokens in host memory, so
// that groups can get bits back. Rows come down in two slots of mapped memory,
// which are emptied while the device goes on.
type hostPool struct {
	rows  *hostcache.Cache // nil: the budget is 0
	slots []device.Buffer
}

const hostSlots = 2

// allocate makes the slots. On an error, those made are left for close.
func (h *hostPool) allocate(c *Cache, slotWords int) (err error) {
	if c.cfg.HostBudget == 0 {
		return nil
	}
	var staging [][]byte
	for i := range hostSlots {
		b, err := c.dev.NewBuffer(fmt.Sprintf("host%d", i), slotWords, device.Download)
		if err != nil {
			return err
		}
		h.slots = append(h.slots, b)
		words := b.Words()
		staging = append(staging, unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 4*len(words)))
	}
	h.rows, err = hostcache.New(hostcache.Config{Layers: c.cfg.Layers, RowBytes: 4 * c.geo.layerWords,
		Budget: c.cfg.HostBudget, Staging: staging})
	return err
}

func (h *hostPool) close() {
	if h.rows != nil {
		h.rows.Close()
	}
	for _, b := range h.slots {
		b.Release()
	}
	h.slots = nil
}

// drop forgets the rows of a sequence.
func (h *hostPool) drop(id uint64) {
	if h.rows != nil {
		h.rows.Drop(id)
	}
}

// stored are the bytes of the kept rows of all sequences.
func (h *hostPool) stored() int64 {
	if h.rows == nil {
		return 0
	}
	return h.rows.Stats().Bytes
}

// slotBytes are the bytes of the slots.
func (h *hostPool) slotBytes() int64 {
	var n int64
	for _, b := range h.slots {
		n += 4 * int64(b.Len())
	}
	return n
}

// hostRows are the rows of one sequence in the pool.
type hostRows struct {
	pool *hostPool
	geo  *geometry
	id   uint64
	kept int // tokens whose rows are here, from the first on
}

// keep copies the rows of the tokens from..to from the ring to the host. Where
// the budget is reached, the rest and all later tokens are not kept: those
// tokens are never promoted.
func (s *Sequence) keep(ctx context.Context, from, to int) error {
	if s.host.pool.rows == nil || s.host.kept < from {
		return nil
	}
	slot := s.host.pool.slots[0].Len() / s.c.geo.slotWords()
	for token := from; token < to && s.host.kept == token; {
		n := min(slot, to-token, s.c.geo.slots-token%s.c.geo.slots)
		if err := s.keepSome(ctx, token, n); err != nil {
			return err
		}
		token += n
	}
	return nil
}

// keepSome copies tokens that lie side by side in the ring and fit a slot.
func (s *Sequence) keepSome(ctx context.Context, token, n int) error {
	pool := s.host.pool
	slot, err := pool.rows.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("backend: keep: %w", err)
	}
	region := device.Region{Src: s.c.geo.ringAt(token, shaders.Key, 0), Words: n * s.c.geo.slotWords()}
	err = s.c.run("keep", func(l *device.List) {
		l.Copy(s.ring, pool.slots[slot.Index], region)
		l.Mark("keep")
	})
	if err == nil {
		err = pool.rows.Publish(slot, s.host.ranges(token, n)...)
	}
	if err == nil {
		s.host.kept = token + n
		return nil
	}
	if errors.Is(err, hostcache.ErrBudget) {
		err = nil
	}
	return errors.Join(err, pool.rows.Release(slot))
}

// ranges name the rows of tokens in the order of the ring.
func (h *hostRows) ranges(token, n int) []hostcache.Range {
	list := make([]hostcache.Range, 0, 2*n)
	for t := token; t < token+n; t++ {
		for _, side := range []hostcache.Side{hostcache.K, hostcache.V} {
			list = append(list, hostcache.Range{Sequence: h.id, Side: side, Layers: h.geo.layers, Token: t, Tokens: 1})
		}
	}
	return list
}

// group writes the rows of a group of a page to out as words.
func (h *hostRows) group(p pageID, group int, out []uint32) error {
	g := h.geo
	from, to := g.unitLayers(p.unit)
	rows, err := h.pool.rows.Rows(hostcache.Range{Sequence: h.id, Side: hostcache.Side(p.kind),
		Layer: from, Layers: to - from, Token: g.tokenOf(p, group), Tokens: 1})
	if err != nil {
		return fmt.Errorf("backend: adapt: %w", err)
	}
	skip := 4 * (group % g.tokenGroups) * g.layout.RawGroupWords() // bytes before the group in its layer
	for _, row := range rows {
		for i := 0; i < min(len(row)/4, g.layout.RawGroupWords()); i++ {
			out[0] = binary.LittleEndian.Uint32(row[skip+4*i:])
			out = out[1:]
		}
	}
	return nil
}

// truncate forgets the rows from a token on.
func (h *hostRows) truncate(token int) error {
	if h.kept <= token {
		return nil
	}
	h.kept = token
	return h.pool.rows.Truncate(h.id, token)
}

// bytes are the bytes of the kept rows.
func (h *hostRows) bytes() int64 {
	if h.pool.rows == nil {
		return 0
	}
	return h.pool.rows.Bytes(h.id)
}
