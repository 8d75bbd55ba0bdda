package attend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// arrangedRecords says where the queries of a batch that attends to records of stride
// tokens from base on lie.
func arrangedRecords(g *core.Geometry, tiles, tile, base, stride int) shaders.Arranged {
	return shaders.Arranged{Records: shaders.Records{Type: g.Layout.Type, HeadDim: g.HeadDim, Heads: g.KVHeads},
		Tiles: tiles, Queries: tile, Pages: stride/g.PageTokens + 2, Stretches: shaders.StretchesOf(base, base+stride)}
}

// lastPages is the last part that lies in pages of records; nil: none does.
func (r *recording) lastPages() (last *part) {
	for i := range r.parts {
		if r.parts[i].pairs != nil && r.codec != nil {
			last = &r.parts[i]
		}
	}
	return last
}

// calibrated is a kernel of the calibrated codec.
func (r *recording) calibrated(k *shaders.Kernel, in, out uint32) shaders.Pipeline {
	return r.pipeline(k, in, out, false)
}

// arrangeCalibrated records what scores with records need: the queries, their coded form,
// the record tables, and the products of queries with the mean of each page.
func (r *recording) arrangeCalibrated() {
	src, slack := r.rowView(r.QueryRows, r.Q)
	p := r.calibrated(shaders.ArrangeCalibrated, r.Q.Type, r.Q.Type)
	push := shaders.ArrangeCalibratedPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), PerHead: uint32(r.work.QueriesPerHead()),
		RowHeads: uint32(r.work.QueryHeads), RowFirst: uint32(slack + r.rowFirst(r.Q.Type)), Scale: r.Scale, HeadFirst: uint32(r.head),
		StretchFirst: uint32(r.stretchFirst()), Stretches: uint32(r.stretches())}
	push.Rotary, push.Interleaved = r.codec.Rotary(shaders.Key)
	r.list.Dispatch(device.Dispatch{Kernel: p.Kernel, Spec: p.Words(), Push: push.Bytes(),
		Workgroups: shaders.ArrangeWorkgroups(p, r.heads, r.tiles, r.stretches()),
		Views:      []device.View{src, r.codec.Both(r.Layer), r.codec.Stretches(), r.arranged}})
	r.arrangeMeans(src, slack)
}

func (r *recording) arrangeMeans(src device.View, slack int) {
	push := shaders.ArrangeMeansPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), PerHead: uint32(r.work.QueriesPerHead()),
		RowHeads: uint32(r.work.QueryHeads), RowFirst: uint32(slack + r.rowFirst(r.Q.Type)), Scale: r.Scale, HeadFirst: uint32(r.head),
		PageFirst: uint32(r.meanFirst()), Pages: uint32(r.meanPages()), Stretches: uint32(r.stretches())}
	push.Rotary, push.Interleaved = r.codec.Rotary(shaders.Key)
	p := r.calibrated(shaders.ArrangeMeans, r.Q.Type, r.Q.Type)
	core.DispatchJobs(r.list, p, push.Bytes(), int(shaders.MeansWorkgroups(p, r.heads, r.tiles, r.meanPages())),
		src, r.codec.View(shaders.Key, r.Layer), r.codec.Rotations(), r.arranged)
}

// meanFirst and meanPages are the pages whose means have products: all that the
// parts have room for.
func (r *recording) meanFirst() int { return r.base / r.work.PageTokens }

func (r *recording) meanPages() int {
	return core.RoundUp(r.pagesEnd(), r.work.PageTokens)/r.work.PageTokens - r.meanFirst()
}

// pagesEnd is the token behind the last one in pages that scores have room for.
func (r *recording) pagesEnd() int {
	last := r.lastPages()
	return min(max(last.first, r.base)+last.room, r.base+r.stride, r.work.Capacity)
}

// stretchFirst and stretches are those for which queries are coded.
func (r *recording) stretchFirst() int { return r.base / shaders.StretchTokens }

func (r *recording) stretches() int { return shaders.StretchesOf(r.base, r.pagesEnd()) }

func (r *recording) scoreCalibrated(p part) {
	push := shaders.ScoreCalibratedPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), HeadFirst: uint32(r.head), Stride: uint32(r.stride),
		PageTokens: uint32(r.work.PageTokens), StretchFirst: uint32(r.stretchFirst()), Stretches: uint32(r.stretches()),
		MeanFirst: uint32(r.meanFirst()), MeanPages: uint32(r.meanPages())}
	push.Cap, push.InverseCap = r.caps()
	pipeline := r.calibrated(shaders.ScoreCalibrated, r.work.Layout.Type, r.work.Layout.Type)
	core.DispatchJobs(r.list, pipeline, push.Bytes(), r.alignedWorkgroups(p, pipeline),
		device.Whole(p.buffer), r.inFrames(p.frame), r.arranged, r.scores)
}

// alignedWorkgroups are those of a kernel that has a token an invocation and whose
// workgroups begin with a multiple of their tokens.
func (r *recording) alignedWorkgroups(p part, pipeline shaders.Pipeline) int {
	each := int(pipeline.Spec.Workgroup)
	before := max(p.first, r.base) % each
	return int(shaders.ScoreWorkgroups(pipeline, r.heads, r.tiles, (before+p.room+each-1)/each))
}

func (r *recording) weightedSumCalibrated(p part) {
	both := device.View{Buffer: r.space.Buffer, Offset: r.arranged.Offset, Words: r.scores.Offset + r.scores.Words - r.arranged.Offset}
	push := shaders.WeightedSumCalibratedPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), HeadFirst: uint32(r.head), Stride: uint32(r.stride),
		PageTokens: uint32(r.work.PageTokens), ScoresAt: uint32(r.scores.Offset - r.arranged.Offset), Splits: uint32(r.splits())}
	items := r.touched(p) * r.heads * r.tiles * r.headBlocks()
	pipeline := r.calibrated(shaders.WeightedSumCalibrated, r.work.Layout.Type, r.work.Layout.Type)
	core.DispatchJobs(r.list, pipeline, push.Bytes(), int(shaders.SumWorkgroups(pipeline, items)),
		device.Whole(p.buffer), r.inFrames(p.frame), both, r.partials)
}

// splits are those that partials have room for.
func (r *recording) splits() int { return splitsOf(r.stride) }

func (r *recording) combineCalibrated(last *part) {
	dst, slack := r.rowView(r.OutputRows, r.Out)
	push := shaders.CombineCalibratedPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), HeadFirst: uint32(r.head),
		PerHead: uint32(r.work.QueriesPerHead()), RowHeads: uint32(r.work.QueryHeads),
		RowFirst: uint32(slack + r.rowFirst(r.Out.Type)), Splits: uint32(r.splits())}
	p := r.calibrated(shaders.CombineCalibrated, r.work.Layout.Type, r.Out.Type)
	core.DispatchJobs(r.list, p, push.Bytes(), int(shaders.CombineWorkgroups(p, r.heads, r.vectors)),
		r.inFrames(last.frame), r.partials, r.codec.View(shaders.Value, r.Layer), dst)
}
