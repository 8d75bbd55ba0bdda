package backend

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/qaqvk/qaqvk/hostcache"
)

// hostRows keeps the full-precision rows of stored tokens in host memory, so
// that groups can get bits back. Rows come down in two slots of mapped memory,
// which are emptied while the device goes on.
type hostRows struct {
	cache *hostcache.Cache // nil: the budget is 0
	slots []Buffer
	geo   *geometry
	kept  int  // tokens whose rows are here, from the first on
	full  bool // the budget was reached: later rows are not kept
}

const hostSlots = 2

func newHostRows(d Device, cfg Config, geo *geometry, slotWords int) (*hostRows, error) {
	h := &hostRows{geo: geo}
	if cfg.HostBudget == 0 {
		return h, nil
	}
	var staging [][]byte
	for i := range hostSlots {
		b, err := d.NewBuffer(fmt.Sprintf("host%d", i), slotWords, Download)
		if err != nil {
			h.close()
			return nil, err
		}
		h.slots = append(h.slots, b)
		words := b.Words()
		staging = append(staging, unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 4*len(words)))
	}
	var err error
	h.cache, err = hostcache.New(hostcache.Config{Layers: cfg.Layers, RowBytes: 4 * geo.layerWords,
		Budget: cfg.HostBudget, Staging: staging})
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *hostRows) close() {
	if h.cache != nil {
		h.cache.Close()
	}
	for _, b := range h.slots {
		b.Release()
	}
	h.slots = nil
}

// keep copies the rows of the tokens from..to from the ring to the host. What
// does not fit the budget is not kept: those tokens are never promoted.
func (c *Cache) keep(ctx context.Context, from, to int) error {
	h := c.host
	if h.cache == nil {
		return nil
	}
	for token := from; token < to && !h.full; {
		n := min(h.slots[0].Len()/c.geo.slotWords(), to-token, c.geo.slots-token%c.geo.slots)
		if err := c.keepSome(ctx, token, n); err != nil {
			return err
		}
		token += n
	}
	return nil
}

// keepSome copies tokens that lie side by side in the ring and fit a slot.
func (c *Cache) keepSome(ctx context.Context, token, n int) error {
	slot, err := c.host.cache.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("backend: keep: %w", err)
	}
	region := Region{Src: c.geo.ringAt(token, Key, 0), Words: n * c.geo.slotWords()}
	err = c.run("keep", func(l *List) {
		l.Copy(c.ring, c.host.slots[slot.Index], region)
		l.Mark("keep")
	})
	if err == nil {
		err = c.host.cache.Publish(slot, c.host.ranges(token, n)...)
	}
	if err == nil {
		c.host.kept = token + n
		return nil
	}
	if errors.Is(err, hostcache.ErrBudget) {
		c.host.full, err = true, nil
	}
	return errors.Join(err, c.host.cache.Release(slot))
}

// ranges name the rows of tokens in the order of the ring.
func (h *hostRows) ranges(token, n int) []hostcache.Range {
	list := make([]hostcache.Range, 0, 2*n)
	for t := token; t < token+n; t++ {
		for _, side := range []hostcache.Side{hostcache.K, hostcache.V} {
			list = append(list, hostcache.Range{Side: side, Layers: h.geo.layers, Token: t, Tokens: 1})
		}
	}
	return list
}

// has tells whether the rows of a group of a page are here.
func (h *hostRows) has(p pageID, group int) bool {
	return h.geo.tokenOf(p, group) < h.kept
}

// group writes the rows of a group of a page to out as words.
func (h *hostRows) group(p pageID, group int, out []uint32) error {
	g := h.geo
	from, to := g.unitLayers(p.unit)
	rows, err := h.cache.Rows(hostcache.Range{Side: hostcache.Side(p.kind), Layer: from, Layers: to - from, Token: g.tokenOf(p, group), Tokens: 1})
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

// drop forgets the rows from a token on.
func (h *hostRows) drop(token int) error {
	if h.cache == nil || h.kept <= token {
		return nil
	}
	h.kept = token
	return h.cache.Truncate(0, token)
}

// bytes are the bytes of the kept rows.
func (h *hostRows) bytes() int64 {
	if h.cache == nil {
		return 0
	}
	return h.cache.Stats().Bytes
}

// stagingBytes are the bytes of the slots.
func (h *hostRows) stagingBytes() int64 {
	var n int64
	for _, b := range h.slots {
		n += 4 * int64(b.Len())
	}
	return n
}
