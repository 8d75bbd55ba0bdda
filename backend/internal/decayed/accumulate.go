package decayed

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Call is what attention tells of the queries of one call of a layer. It makes the
// frames of its dispatches in the order in which they run.
type Call struct {
	*Importance
	of, queries int    // the layer; of the call
	factor      uint32 // what the next frame says
	old         int
	age         int // queries from the first of the call to the end of the newest block
	begun       uint32
}

// Call is the next call of a layer, of one query or more.
func (m *Importance) Call(layer, queries int) *Call {
	h := &m.layers[layer]
	newest := h.newest(m.block, queries)
	return &Call{Importance: m, of: layer, queries: queries, factor: shaders.DecayFactor(newest - h.block), old: h.old,
		age: (newest+1)*m.block - h.queries}
}

// Takes are the queries of first..end-1 whose probabilities can add something: one
// dispatch adds them.
func (c *Call) Takes(first, end int) []core.Take {
	first = max(first, c.counting(c.queries))
	if first >= end {
		return nil
	}
	return []core.Take{{First: first, End: end}}
}

// AppendFrame appends the next dispatch's frame.
func (c *Call) AppendFrame(words []uint32, _ core.Take, b core.Batch) []uint32 {
	f := shaders.DecayFrame{Tokens: uint32(b.Tokens), Base: uint32(b.Base), Old: uint32(c.old), Factor: c.factor, Age: uint32(c.age - b.Query),
		Begun: c.begun}
	if !b.Last {
		f.More = 1
	}
	c.factor, c.old, c.begun = 0, max(c.old, b.Tokens), 1
	return f.AppendTo(words)
}

// mostVectors are the query vectors that an invocation adds at most: what every
// driver runs. Their scores of 64 tokens alone are 32 MiB.
const mostVectors = 1 << 17

// Record records that the probabilities of queries are added to the importance of
// the layer. The dispatches of a layer need a Barrier between them, and one behind
// what wrote the scores.
func (c *Call) Record(l *device.List, t core.Take, s core.Scores, frame, scores device.View) {
	w := c.work
	push := shaders.AccumulateImportancePush{Vectors: uint32(s.Vectors), PerHead: uint32(w.QueriesPerHead()),
		QueryFirst: uint32(t.First - s.Query), QueryEnd: uint32(t.End - s.Query), Heads: uint32(s.Heads), Stride: uint32(s.Stride),
		Block: uint32(c.block), Fraction: c.fraction}
	if n := s.Heads * (t.End - t.First) * w.QueriesPerHead(); n > mostVectors {
		l.Check(fmt.Errorf("backend: importance of %d query vectors in a dispatch: must be at most %d", n, mostVectors))
	}
	p := w.PipelineOf(shaders.AccumulateImportance, w.Layout.Type, shaders.Setting{Queries: s.Tile})
	items := shaders.ImportanceWords(min(s.Tokens, w.Capacity)) / 2
	core.Dispatch(l, p, push.Bytes(), items, frame, scores, c.layer(c.of), device.Whole(c.sums))
	l.Mark("accumulate_importance")
}

// Lost says that the call failed.
func (c *Call) Lost() { c.Importance.Lost(c.of) }
