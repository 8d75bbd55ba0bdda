package decayed

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Observe adds the probabilities of the newest queries of a layer from the host,
// [queries][query heads][tokens]. The upload buffer must be free.
func (m *Importance) Observe(layer int, probs []float32, queries, tokens int) error {
	call, each := m.Call(layer, max(1, queries)), m.work.QueryHeads*tokens
	for q := m.counting(queries); q < queries; q++ {
		h := handed{call, q, tokens, probs[q*each:][:each]}
		if err := h.observe(); err != nil {
			m.Lost(layer)
			return err
		}
	}
	m.Done(layer, queries, tokens)
	return nil
}

// handed are the probabilities of one query that is observed, [query head][token].
type handed struct {
	*Call
	query  int // in the call
	tokens int
	probs  []float32
}

// observe takes the query to the device in parts that fit the upload buffer: some
// KV heads, and of these some tokens.
func (h *handed) observe() error {
	w, perHead := h.work, h.work.QueriesPerHead()
	some := min(core.RoundUp(h.tokens, shaders.SplitTokens), w.Rows.Len()/perHead/shaders.SplitTokens*shaders.SplitTokens)
	heads := min(w.KVHeads, w.Rows.Len()/(perHead*some))
	for head := 0; head < w.KVHeads; head += heads {
		for base := 0; base < h.tokens; base += some {
			if err := h.observePart(head, min(heads, w.KVHeads-head), base, min(base+some, h.tokens)); err != nil {
				return err
			}
		}
	}
	return nil
}

// observePart takes the tokens base..end-1 of some KV heads. The vectors of a tile
// of one lie as the rows that were handed over.
func (h *handed) observePart(head, heads, base, end int) error {
	w, n, perHead := h.work, end-base, h.work.QueriesPerHead()
	words := w.Rows.Words()
	for i := range heads * perHead {
		copyProbabilities(words[i*n:][:n], h.probs[(head*perHead+i)*h.tokens+base:])
	}
	return w.Run.Run("observe", func(l *device.List) {
		plan := w.PlanRoom()
		take := core.Take{First: h.query, End: h.query + 1}
		frame := plan.Put(h.AppendFrame(nil, take, core.Batch{Query: h.query, Head: head, Tokens: end, Base: base}))
		scores := core.Scores{Query: h.query, Vectors: perHead, Heads: heads, Stride: n, Tile: 1, Tokens: h.tokens}
		h.Record(l, take, scores, frame, device.Whole(w.Rows))
		l.Check(plan.Err())
	})
}

// copyProbabilities brings values into 0..1.
func copyProbabilities(dst []uint32, src []float32) {
	for i := range dst {
		p := src[i]
		if !(p > 0) {
			p = 0
		}
		dst[i] = math.Float32bits(min(p, 1))
	}
}
