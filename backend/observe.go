package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Observe takes the attention probabilities of a layer, [queries][queryHeads]
// [tokens], of the newest queries tokens of the cache: query i belongs to token
// tokens-queries+i, and probabilities of later tokens are 0. The query heads of
// a KV head are consecutive, at most 32. Only the last Window queries are kept:
// for each token and KV head the largest probability, rounded up to four
// significant bits. Values that are no probabilities count as the nearest one,
// NaN as 0.
//
// It is for runtimes that compute attention themselves; Attend observes too.
// After an error, until the call is repeated, the groups of the layer count as
// seen by too few queries.
func (s *Sequence) Observe(layer int, probs []float32, queries, queryHeads int) error {
	if err := s.usable(layer); err != nil {
		return err
	}
	defer s.c.spanning("observe", Calls)()
	tokens := s.tokens + s.pending[layer]
	switch {
	case queryHeads < 1 || queryHeads%s.c.cfg.KVHeads != 0:
		return fmt.Errorf("backend: observe: %d query heads: must be a multiple of the %d KV heads", queryHeads, s.c.cfg.KVHeads)
	case queryHeads > maxPerHead*s.c.cfg.KVHeads:
		return fmt.Errorf("backend: observe: %d query heads of %d KV heads: limit %d for each", queryHeads, s.c.cfg.KVHeads, maxPerHead)
	case queries < 1 || queries > tokens:
		return fmt.Errorf("backend: observe: %d queries: layer %d holds %d tokens", queries, layer, tokens)
	case len(probs) != queries*queryHeads*tokens:
		return fmt.Errorf("backend: observe: %d probabilities: %d queries, %d heads and %d tokens need %d",
			len(probs), queries, queryHeads, tokens, queries*queryHeads*tokens)
	}
	if err := s.c.freeRows(); err != nil { // the upload buffer is needed
		return err
	}
	m := s.importance
	for _, o := range m.plan(layer, queries) {
		h := handed{m: m, layer: layer, row: o.row, tokens: tokens, perHead: queryHeads / s.c.cfg.KVHeads}
		h.probs = probs[o.query*queryHeads*tokens:][:queryHeads*tokens]
		if err := h.observe(); err != nil {
			m.lost(layer, []observation{o})
			return err
		}
	}
	m.done(layer, queries, tokens)
	return nil
}

// handed are the probabilities of one query, [query head][token], on their way
// to a row.
type handed struct {
	m          *importance
	layer, row int
	tokens     int
	perHead    int // query heads of a KV head
	probs      []float32
}

// observe takes the query to the device in parts that fit the upload buffer:
// some KV heads, and of these some tokens. The last tokens come first, because
// that clears those before.
func (h *handed) observe() error {
	c := h.m.c
	some := min(roundUp(h.tokens, shaders.SplitTokens), c.rows.Len()/h.perHead/shaders.SplitTokens*shaders.SplitTokens)
	heads := min(c.geo.heads, c.rows.Len()/(h.perHead*some))
	for head := 0; head < c.geo.heads; head += heads {
		for base := (h.tokens - 1) / some * some; base >= 0; base -= some {
			end := min(base+some, h.tokens)
			if err := h.observePart(head, min(heads, c.geo.heads-head), base, end, end < h.tokens); err != nil {
				return err
			}
		}
	}
	return nil
}

// observePart takes the tokens base..end-1 of some KV heads. The vectors of a
// tile of one lie as the rows that were handed over.
func (h *handed) observePart(head, heads, base, end int, join bool) error {
	c, n := h.m.c, end-base
	words := c.rows.Words()
	for i := range heads * h.perHead {
		from := (head*h.perHead+i)*h.tokens + base
		copyProbabilities(words[i*n:][:n], h.probs[from:])
	}
	return c.run("observe", func(l *device.List) {
		frame := h.m.frame(end, base, h.row, head)
		h.m.record(l, h.layer, observing{vectors: h.perHead, to: h.perHead, heads: heads, stride: n, tile: 1, tokens: end, join: join},
			c.newPlanner().add(frame.AppendTo(nil)), device.Whole(c.rows))
		l.Mark("record_importance")
	})
}

// copyProbabilities brings values into 0..1.
func copyProbabilities(dst []uint32, src []float32) {
	for i := range dst {
		p := src[i]
		if !(p > 0) {
			p = 0
		}
		dst[i] = wordOf(min(p, 1))
	}
}
