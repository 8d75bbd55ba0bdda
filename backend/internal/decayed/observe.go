package decayed

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Observe adds the probabilities of the newest queries of a layer from the host,
// [queries][query heads][tokens].
func (m *Importance) Observe(layer int, probs []float32, queries, tokens int) error {
	err := m.fitUpload(shaders.ScoresWords(m.work.QueryHeads*max(1, queries), tokens, 1))
	o := observed{Call: m.Call(layer, max(1, queries)), tokens: tokens, probs: probs}
	for q := m.counting(queries); q < queries && err == nil; {
		n := max(1, min(queries-q, m.upload.Len()/shaders.ScoresWords(m.work.QueryHeads, tokens, 1)))
		err = o.add(core.Take{First: q, End: q + n})
		q += n
	}
	if err != nil {
		m.Lost(layer)
		return err
	}
	m.Done(layer, queries, tokens)
	return nil
}

// mostUpload are the words of the buffer by which probabilities come from the host:
// more come in parts.
const mostUpload = 1 << 18

// fitUpload makes that buffer at the first call, and a larger one where so many words
// ask for it.
func (l *Layout) fitUpload(words int) error {
	words = core.RoundUp(min(words, mostUpload), shaders.SplitTokens)
	words = max(words, shaders.ScoresWords(l.work.QueriesPerHead(), shaders.SplitTokens, 1))
	if l.upload != nil && l.upload.Len() >= words {
		return nil
	}
	b, err := l.work.Device.NewBuffer("probabilities", words, device.Upload)
	if err != nil {
		return fmt.Errorf("backend: observe: %w", err)
	}
	core.Release(l.upload)
	l.upload = b
	return nil
}

// observed are probabilities of a call from the host.
type observed struct {
	*Call
	tokens int
	probs  []float32 // [query][query head][token]
}

// add takes queries to the device: at once if they fit the buffer, else, one of them, in
// parts: some KV heads, and of these some tokens.
func (o *observed) add(t core.Take) error {
	w, perHead := o.work, o.work.QueriesPerHead()
	heads, some := w.KVHeads, o.tokens
	if shaders.ScoresWords((t.End-t.First)*w.QueryHeads, o.tokens, 1) > o.upload.Len() {
		some = min(core.RoundUp(o.tokens, shaders.SplitTokens), (o.upload.Len()/perHead-1)/shaders.SplitTokens*shaders.SplitTokens)
		heads = min(w.KVHeads, o.upload.Len()/shaders.ScoresWords(perHead, some, 1))
	}
	for head := 0; head < w.KVHeads; head += heads {
		for base := 0; base < o.tokens; base += some {
			if err := o.addPart(t, head, min(heads, w.KVHeads-head), base, min(some, o.tokens-base)); err != nil {
				return err
			}
		}
	}
	return nil
}

// addPart takes n tokens of some KV heads: [head][vector][token], tiles of one vector,
// and the spreads.
func (o *observed) addPart(t core.Take, head, heads, base, n int) error {
	w, perHead := o.work, o.work.QueriesPerHead()
	words, vectors := o.upload.Words(), (t.End-t.First)*perHead
	for i := range heads * vectors {
		q, h := t.First+i%vectors/perHead, (head+i/vectors)*perHead+i%perHead
		row := o.probs[(q*w.QueryHeads+h)*o.tokens:][:o.tokens]
		copyProbabilities(words[i*n:][:n], row[base:])
		words[heads*vectors*n+i] = math.Float32bits(spreadOf(row))
	}
	return w.Run.Run("observe", func(l *device.List) {
		plan := w.PlanRoom()
		last := t.End == o.queries && head+heads == w.KVHeads && base+n == o.tokens
		frame := plan.Put(o.AppendFrame(nil, t, core.Batch{Query: t.First, Head: head, Tokens: base + n, Base: base, Last: last}))
		scores := core.Scores{Query: t.First, Vectors: vectors, Heads: heads, Stride: n, Tile: 1, Tokens: o.tokens}
		o.Record(l, t, scores, frame, device.Whole(o.upload))
		l.Check(plan.Err())
	})
}

// copyProbabilities brings values into 0..1.
func copyProbabilities(dst []uint32, src []float32) {
	for i := range dst {
		dst[i] = math.Float32bits(probability(src[i]))
	}
}

func probability(x float32) float32 {
	if !(x > 0) {
		return 0
	}
	return min(x, 1)
}

// spreadOf is how many tokens a query attends to: 1 over the sum of its squared
// probabilities, 0 if that is 0.
func spreadOf(probs []float32) float32 {
	var sum float32
	for _, x := range probs {
		p := probability(x)
		sum += float32(p * p) // not fused
	}
	if !(sum >= 0x1p-100) {
		return 0
	}
	return 1 / sum
}
