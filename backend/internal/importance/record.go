package importance

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Scores says which scores a dispatch reads: those of one query, or of some of
// its query heads, for some KV heads.
type Scores struct {
	Vectors  int  // query vectors of a KV head in the scores
	From, To int  // of these, the ones that count
	Heads    int  // KV heads
	Stride   int  // tokens that the scores have room for
	Tile     int  // query vectors of a tile
	Tokens   int  // most tokens that a frame may have when the list runs
	Keep     bool // the row holds later tokens already
}

// Record records that probabilities go to the row that the frame names. Nothing
// else in the list needs to be ordered with it but what wrote the scores.
func (m *Importance) Record(l *device.List, layer int, s Scores, frame, scores device.View) {
	words := min((s.Tokens+3)/4, m.headWords())
	push := shaders.RecordImportancePush{Vectors: uint32(s.Vectors), VectorFirst: uint32(s.From), VectorEnd: uint32(s.To),
		Heads: uint32(s.Heads), Stride: uint32(s.Stride), HeadStride: uint32(m.headWords()), Words: uint32(words)}
	if s.Keep {
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

// Read brings the importance of the groups of a layer group to the host,
// [token][group of a token], -1 where too few queries saw the token.
func (m *Importance) Read(layerGroup, tokens int) ([]float32, error) {
	w := m.work
	out := make([]float32, 0, tokens*w.TokenGroups)
	for page, end := 0, tokens/w.PageTokens; page < end; {
		n := core.Most(end-page, func(n int) bool {
			return n*w.PageGroups <= w.Out.Len() && n*shaders.WeightJobWords <= w.Plan.Len()
		})
		var list []pages.ID
		for i := range n {
			list = append(list, pages.ID{LayerGroup: layerGroup, Page: page + i})
		}
		words := n * w.PageGroups
		err := w.Run.Run("reduce_importance", func(l *device.List) {
			plan := w.PlanRoom()
			m.Reduce(l, list, plan.Put(m.AppendJobs(nil, list)), 0, device.View{Buffer: w.Out, Words: words}, false)
			l.Check(plan.Err())
			l.Mark("reduce_importance")
		})
		if err != nil {
			return nil, err
		}
		for _, word := range w.Out.Words()[:words] {
			out = append(out, math.Float32frombits(word))
		}
		page += n
	}
	return out, nil
}
