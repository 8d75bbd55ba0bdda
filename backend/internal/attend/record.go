package attend

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// recording records one batch.
type recording struct {
	*call
	batch
	layout
	list    *device.List
	vectors int
}

// record records all submissions. The first one takes the rows that wait.
func (l *Lists) record(r *call) {
	l.from, l.frames = r, r.frames
	l.Recordings++
	r.waiting = slices.Clone(r.waiting) // what waits is forgotten when the list has run
	n := 0
	for first := 0; first < len(r.batches); n++ {
		list, end := l.list(r, n), r.endOf(first)
		if !r.byKernel {
			list.OnlyMark("attend")
		}
		if n == 0 {
			r.Window.Record(list)
		}
		for i, b := range r.batches[first:end] {
			if i > 0 {
				list.Barrier(device.Shader, device.Shader)
			}
			r.record(list, b)
		}
		if !r.byKernel && r.batches[end-1].timed {
			list.Mark("attend")
		}
		first = end
	}
	l.release(n)
}

// list is list number n, emptied.
func (l *Lists) list(r *call, n int) *device.List {
	if n == len(l.lists) {
		l.lists = append(l.lists, device.NewList(r.work.Device))
	}
	l.lists[n].Reset()
	return l.lists[n]
}

func (r *call) record(l *device.List, b batch) {
	one := recording{call: r, batch: b, list: l, vectors: b.queries * r.work.QueriesPerHead(),
		layout: r.layoutOf(b.queries, b.heads, b.base, b.stride)}
	for _, v := range []*device.View{&one.arranged, &one.scores, &one.partials} {
		v.Buffer, v.Offset = r.space.Buffer, r.space.Offset+v.Offset
	}
	one.arrange()
	for _, p := range b.parts {
		one.score(p)
	}
	one.step("score")
	one.softmax()
	one.step("softmax")
	one.recordImportance()
	for _, p := range b.parts {
		one.weightedSum(p)
		l.Barrier(device.Shader, device.Shader)
	}
	l.Mark("weighted_sum")
	one.combine()
	l.Mark("combine")
}

// step ends a step that the next one builds on.
func (r *recording) step(label string) {
	r.list.Mark(label)
	r.list.Barrier(device.Shader, device.Shader)
}

// pipeline is a kernel of attention for rows of type in, whose output has type
// out.
func (r *recording) pipeline(k *shaders.Kernel, in, out uint32, ring bool) shaders.Pipeline {
	return r.work.PipelineOf(k, in, shaders.Setting{Out: out, Queries: r.tile, Tiles: r.tiles, Ring: ring})
}

// stored is a kernel that reads rows as a part has them, or no rows.
func (r *recording) stored(k *shaders.Kernel, p part) shaders.Pipeline {
	return r.pipeline(k, r.work.Layout.Type, r.work.Layout.Type, p.pairs == nil)
}

// rowView is the view of rows that begin at a word which need not be aligned,
// and the words before that.
func (r *recording) rowView(staged device.Buffer, rows Rows) (device.View, int) {
	if rows.View.Buffer == nil {
		return device.Whole(staged), 0
	}
	v := rows.View
	slack := v.Offset % r.work.Limits.ViewAlign
	return device.View{Buffer: v.Buffer, Offset: v.Offset - slack, Words: v.Words + slack}, slack
}

// rowFirst is the word of the batch's first row in rows of a type.
func (r *recording) rowFirst(t uint32) int {
	return (r.query*r.work.QueryHeads + r.head*r.work.QueriesPerHead()) * r.work.HeadDim * shaders.ElementBytes(t) / 4
}

// arrange records what brings the queries into the order in which score reads them.
func (r *recording) arrange() {
	if r.lastPages() != nil {
		r.arrangeCalibrated()
		r.step("arrange_calibrated")
		return
	}
	r.arrangeQueries()
	r.step("arrange_queries")
}

func (r *recording) arrangeQueries() {
	src, slack := r.rowView(r.QueryRows, r.Q)
	push := shaders.ArrangeQueriesPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), PerHead: uint32(r.work.QueriesPerHead()),
		RowHeads: uint32(r.work.QueryHeads), RowFirst: uint32(slack + r.rowFirst(r.Q.Type)), Scale: r.Scale}
	core.Dispatch(r.list, r.pipeline(shaders.ArrangeQueries, r.Q.Type, r.Q.Type, false), push.Bytes(),
		r.heads*r.tiles*r.headBlocks()*r.tile, src, r.arranged)
}

// headBlocks are the runs of 32 elements of a row.
func (r *recording) headBlocks() int { return shaders.Blocks(r.work.HeadDim) }

// touched are the splits that a part may touch; where the ring begins changes.
func (r *recording) touched(p part) int {
	const n = shaders.SplitTokens
	if p.pairs == nil {
		return min((p.room+n-2)/n+1, r.splits())
	}
	from := max(p.first, r.base)
	return (from+p.room+n-1)/n - from/n
}

// scoreWorkgroups are those of a kernel that has a token an invocation.
func (r *recording) scoreWorkgroups(p part, pipeline shaders.Pipeline) int {
	each := int(pipeline.Spec.Workgroup)
	return int(shaders.ScoreWorkgroups(pipeline, r.heads, r.tiles, (p.room+each-1)/each))
}

// rowsAt are the words before the first KV head's rows in a slot of the ring.
func (r *recording) rowsAt(k shaders.Kind) uint32 {
	return uint32(int(k)*r.work.KindWords + r.Layer*r.work.LayerWords + r.head*r.work.Layout.RawRowWords())
}

// pageRow is the row or group of the batch's first KV head, as score and
// weighted_sum have it.
func (r *recording) pageRow() uint32 {
	if r.work.LayerGroups < r.work.Layers {
		return uint32(r.Layer*r.work.KVHeads + r.head)
	}
	return uint32(r.head)
}

func (r *recording) score(p part) {
	if r.codec != nil && p.pairs != nil {
		r.scoreCalibrated(p)
		return
	}
	push := shaders.ScorePush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), Stride: uint32(r.stride),
		PageTokens: uint32(r.work.PageTokens), GroupsPerToken: uint32(r.work.TokenGroups), RowFirst: r.pageRow(),
		RingTokens: uint32(r.Window.Ring.Tokens), RingStride: uint32(r.work.TokenWords), RingFirst: r.rowsAt(shaders.Key)}
	push.Cap, push.InverseCap = r.caps()
	pipeline := r.stored(shaders.Score, p)
	core.DispatchJobs(r.list, pipeline, push.Bytes(), r.scoreWorkgroups(p, pipeline),
		device.Whole(p.buffer), r.inFrames(p.frame), r.arranged, r.scores)
}

// caps are the soft cap and its inverse; 0: there is none.
func (r *recording) caps() (most, inverse float32) {
	if r.SoftCap > 0 {
		return r.SoftCap, 1 / r.SoftCap
	}
	return 0, 0
}

func (r *recording) softmax() {
	push := shaders.SoftmaxPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), PerHead: uint32(r.work.QueriesPerHead()),
		Stride: uint32(r.stride), Window: uint32(r.Options.Window)}
	pipeline := r.pipeline(shaders.Softmax, r.work.Layout.Type, r.work.Layout.Type, false)
	core.DispatchJobs(r.list, pipeline, push.Bytes(), int(shaders.SoftmaxWorkgroups(pipeline, r.heads*r.tiles)),
		r.inFrames(r.parts[0].frame), r.scores)
}

// recordImportance records that importance takes in the batch's queries. weighted_sum,
// which also reads the probabilities, need not wait for it.
func (r *recording) recordImportance() {
	scores := core.Scores{Query: r.query, Vectors: r.vectors, Heads: r.heads, Stride: r.stride, Tile: r.tile, Tokens: core.RoundUp(r.Tokens, grain)}
	for _, t := range r.taken {
		r.Importance.Record(r.list, t.Take, scores, r.inFrames(t.frame), r.scores)
	}
}

func (r *recording) weightedSum(p part) {
	if r.codec != nil && p.pairs != nil {
		r.weightedSumCalibrated(p)
		return
	}
	push := shaders.WeightedSumPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), Stride: uint32(r.stride),
		PageTokens: uint32(r.work.PageTokens), GroupsPerToken: uint32(r.work.TokenGroups), RowFirst: r.pageRow(),
		RingTokens: uint32(r.Window.Ring.Tokens), RingStride: uint32(r.work.TokenWords), RingFirst: r.rowsAt(shaders.Value)}
	items := r.touched(p) * r.heads * r.tiles * r.headBlocks()
	pipeline := r.stored(shaders.WeightedSum, p)
	core.DispatchJobs(r.list, pipeline, push.Bytes(), int(shaders.SumWorkgroups(pipeline, items)),
		device.Whole(p.buffer), r.inFrames(p.frame), r.scores, r.partials)
}

func (r *recording) combine() {
	if last := r.lastPages(); last != nil {
		r.combineCalibrated(last)
		return
	}
	dst, slack := r.rowView(r.OutputRows, r.Out)
	push := shaders.CombinePush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), PerHead: uint32(r.work.QueriesPerHead()),
		RowHeads: uint32(r.work.QueryHeads), RowFirst: uint32(slack + r.rowFirst(r.Out.Type))}
	words := r.heads * r.vectors * r.work.HeadDim * shaders.ElementBytes(r.Out.Type) / 4
	core.Dispatch(r.list, r.pipeline(shaders.Combine, r.work.Layout.Type, r.Out.Type, false), push.Bytes(), words,
		r.inFrames(r.parts[0].frame), r.partials, dst)
}
