package importance

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Observe records the probabilities of the newest queries of a layer, from the host,
// [queries][query heads][tokens]. The upload buffer must be free.
func (m *Importance) Observe(layer int, probs []float32, queries, queryHeads, tokens int) error {
	first := m.recordedFrom(layer, queries)
	for q := first; q < queries && m.buffer != nil; q++ {
		h := handed{m: m, layer: layer, row: m.rowOf(layer, q), tokens: tokens, perHead: queryHeads / m.work.KVHeads,
			probs: probs[q*queryHeads*tokens:][:queryHeads*tokens]}
		if err := h.observe(); err != nil {
			if h.begun {
				q++
			}
			m.lost(layer, first, q)
			return err
		}
	}
	m.Done(layer, queries, tokens)
	return nil
}

// handed are the probabilities of one query, [query head][token], and the row that
// they go to.
type handed struct {
	m          *Importance
	layer, row int
	tokens     int
	perHead    int // query heads of a KV head
	probs      []float32
	begun      bool // a list that changes the row was submitted
}

// observe copies the query to the device in parts that fit the upload buffer:
// some KV heads, and of these some tokens. The last tokens come first, because
// that clears those before.
func (h *handed) observe() error {
	w := h.m.work
	some := min(core.RoundUp(h.tokens, shaders.SplitTokens), w.Rows.Len()/h.perHead/shaders.SplitTokens*shaders.SplitTokens)
	heads := min(w.KVHeads, w.Rows.Len()/(h.perHead*some))
	for head := 0; head < w.KVHeads; head += heads {
		for base := (h.tokens - 1) / some * some; base >= 0; base -= some {
			if err := h.observePart(head, min(heads, w.KVHeads-head), base, min(base+some, h.tokens)); err != nil {
				return err
			}
		}
	}
	return nil
}

// observePart records the tokens base..end-1 of some KV heads. Scores in tiles of
// one vector lie as the probabilities do that the caller gives.
func (h *handed) observePart(head, heads, base, end int) error {
	w, n := h.m.work, end-base
	words := w.Rows.Words()
	for i := range heads * h.perHead {
		from := (head*h.perHead+i)*h.tokens + base
		copyProbabilities(words[i*n:][:n], h.probs[from:])
	}
	running, err := w.Run.Start("observe", func(l *device.List) {
		plan := w.PlanRoom()
		frame := plan.Put(h.m.frame(end, base, h.row, head).AppendTo(nil))
		scores := core.Scores{Vectors: h.perHead, Heads: heads, Stride: n, Tile: 1, Tokens: end}
		h.m.record(l, h.layer, rows{scores, 0, h.perHead, end < h.tokens}, frame, device.Whole(w.Rows))
		l.Check(plan.Err())
		l.Mark("observe")
	})
	if err != nil {
		return err
	}
	h.begun = true
	return running.Wait()
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
