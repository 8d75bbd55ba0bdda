package decayed

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Call makes the frames of the dispatches of a call, in the order in which they run.
type Call struct {
	factor uint32 // what the next frame says
	old    int
	age    int // queries from the first of the call to the end of the newest block
}

// Call begins the frames of a call of so many queries of a layer.
func (m *Importance) Call(layer, queries int) *Call {
	h := &m.layers[layer]
	newest := h.newest(m.block, queries)
	return &Call{shaders.DecayFactor(newest - h.block), h.old, (newest+1)*m.block - h.queries}
}

// Frame is the next dispatch's: its scores are of queries of the call from the given
// one on, and of the tokens from base to before the given number.
func (c *Call) Frame(query, tokens, base int) shaders.DecayFrame {
	f := shaders.DecayFrame{Tokens: uint32(tokens), Base: uint32(base), Old: uint32(c.old), Factor: c.factor, Age: uint32(c.age - query)}
	c.factor, c.old = 0, max(c.old, tokens)
	return f
}

// Scores says which scores a dispatch reads.
type Scores struct {
	Vectors  int // query vectors of a KV head in the scores
	From, To int // queries of these that count: see Counting
	Heads    int // KV heads
	Stride   int // tokens that the scores have room for
	Tile     int // query vectors of a tile
	Tokens   int // most tokens of the layer when the list runs
}

// mostVectors are the query vectors that an invocation adds at most: what every
// driver runs. Their scores of a split alone are 128 MiB.
const mostVectors = 1 << 17

// Record records that the probabilities of queries are added to the importance of
// a layer. The dispatches of a layer need a Barrier between them, and one behind
// what wrote the scores.
func (m *Importance) Record(l *device.List, layer int, s Scores, frame, scores device.View) {
	w := m.work
	push := shaders.AccumulateImportancePush{Vectors: uint32(s.Vectors), PerHead: uint32(w.QueriesPerHead()),
		QueryFirst: uint32(s.From), QueryEnd: uint32(s.To), Heads: uint32(s.Heads), Stride: uint32(s.Stride),
		Block: uint32(m.block), Fraction: m.fraction}
	if n := s.Heads * (s.To - s.From) * w.QueriesPerHead(); n > mostVectors {
		l.Check(fmt.Errorf("backend: importance of %d query vectors in a dispatch: must be at most %d", n, mostVectors))
	}
	p := w.PipelineOf(shaders.AccumulateImportance, w.Layout.Type, shaders.Setting{Queries: s.Tile})
	core.Dispatch(l, p, push.Bytes(), min(s.Tokens, w.Capacity), frame, scores, m.layer(layer))
}
