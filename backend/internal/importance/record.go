package importance

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Call is what attention tells of the queries of one call of a layer.
type Call struct {
	*Importance
	of, queries int // the layer; of the call
}

// Call is the next call of a layer, of so many queries.
func (m *Importance) Call(layer, queries int) *Call { return &Call{m, layer, queries} }

// Takes are the recorded queries of first..end-1, one a dispatch. There are none where
// nothing keeps importance.
func (c *Call) Takes(first, end int) (list []core.Take) {
	for q := max(first, c.recordedFrom(c.of, c.queries)); q < end && c.buffer != nil; q++ {
		list = append(list, core.Take{First: q, End: q + 1})
	}
	return list
}

// AppendFrame appends the frame of a query's dispatch.
func (c *Call) AppendFrame(words []uint32, t core.Take, b core.Batch) []uint32 {
	return c.frame(b.Tokens, b.Base, c.rowOf(c.of, t.First), b.Head).AppendTo(words)
}

// Record records that a query's probabilities go to its row. Nothing else in the list
// needs to be ordered with it but what wrote the scores.
func (c *Call) Record(l *device.List, t core.Take, s core.Scores, frame, scores device.View) {
	each := c.work.QueriesPerHead()
	from := (t.First - s.Query) * each
	c.record(l, c.of, rows{Scores: s, from: from, to: from + each}, frame, scores)
	l.Mark("record_importance")
}

// Lost says that the call failed.
func (c *Call) Lost() { c.lost(c.of, c.recordedFrom(c.of, c.queries), c.queries) }

// rows are the query vectors from..to-1 of scores.
type rows struct {
	core.Scores
	from, to int
	keep     bool // the row holds later tokens already
}

// record records that probabilities go to the row that the frame names.
func (m *Importance) record(l *device.List, layer int, s rows, frame, scores device.View) {
	words := min((s.Tokens+3)/4, m.headWords())
	push := shaders.RecordImportancePush{Vectors: uint32(s.Vectors), VectorFirst: uint32(s.from), VectorEnd: uint32(s.to),
		Heads: uint32(s.Heads), Stride: uint32(s.Stride), HeadStride: uint32(m.headWords()), Words: uint32(words)}
	if s.keep {
		push.Keep = 1
	}
	p := m.work.PipelineOf(shaders.RecordImportance, m.work.Layout.Type, shaders.Setting{Queries: s.Tile})
	core.Dispatch(l, p, push.Bytes(), s.Heads*words, frame, scores, m.layer(layer, 1))
}

// AppendJobs appends the jobs that reduce the importance of pages.
func (m *Importance) AppendJobs(words []uint32, list []pages.ID) []uint32 {
	for _, p := range list {
		from, to := m.work.LayersOf(p.LayerGroup)
		at := (from - m.viewOf(p.LayerGroup)*m.viewLayers()) * m.layerWords()
		words = shaders.WeightJob{Token: uint32(p.Page * m.work.PageTokens), Importance: uint32(at),
			Seen: uint32(m.Seen(from, to))}.AppendTo(words)
	}
	return words
}

// Reduce records that the groups of pages get their importance as weights, or, if
// one is set, 1 where enough queries saw them. The pages' jobs begin at a word of
// the plan; they must be of one view.
func (m *Importance) Reduce(l *device.List, list []pages.ID, plan device.View, jobs int, weights device.View, one bool) {
	w := m.work
	push := shaders.ReduceImportancePush{Jobs: uint32(jobs), Groups: uint32(len(list) * w.PageGroups), GroupsPerJob: uint32(w.PageGroups),
		GroupsPerToken: uint32(w.TokenGroups), Heads: uint32(w.KVHeads / w.TokenGroups), Layers: uint32(w.Layers / w.LayerGroups),
		HeadStride: uint32(m.headWords()), LayerStride: uint32(m.layerWords()),
		Rows: uint32(w.Queries), RowStride: uint32(w.KVHeads * m.headWords())}
	importance := plan // not read
	if one {
		push.One = 1
	} else {
		first := m.viewOf(list[0].LayerGroup) * m.viewLayers()
		importance = m.layer(first, min(m.viewLayers(), w.Layers-first))
	}
	core.Dispatch(l, w.Pipeline(shaders.ReduceImportance, w.Layout.Type, w.Layout.Type), push.Bytes(), len(list)*w.PageGroups, plan, importance, weights)
}
