package backend

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// attendLayout says where in the scratch a batch has what.
type attendLayout struct {
	tile                       int // vectors of a tile
	tiles                      int // of a KV head
	arranged, scores, partials device.View
	words                      int
}

// newAttendLayout lays out heads KV heads with the given query vectors each,
// and stride tokens.
func newAttendLayout(g *geometry, l device.Limits, vectors, heads, stride int) attendLayout {
	var a attendLayout
	a.tile = l.Target().Tile(g.layout.HeadDim, vectors, stride)
	a.tiles = (vectors + a.tile - 1) / a.tile
	take := func(words int) device.View {
		v := device.View{Offset: a.words, Words: words}
		a.words = roundUp(a.words+words, l.ViewAlign)
		return v
	}
	a.arranged = take(heads * a.tiles * shaders.TileWords(g.layout.HeadDim, a.tile))
	a.scores = take(heads * a.tiles * a.tile * stride)
	a.partials = take(stride / shaders.SplitTokens * heads * vectors * g.layout.HeadDim)
	return a
}

// recording records one batch.
type recording struct {
	*attention
	attendBatch
	attendLayout
	list    *device.List
	vectors int
}

func (a *attendList) record(r *attention) {
	a.from = r
	r.appends = slices.Clone(r.appends) // what waits is forgotten when the list has run
	a.list.Reset()
	r.s.recordAppends(a.list)
	for i := range r.batches {
		if i > 0 {
			a.list.Barrier(device.Shader, device.Shader)
		}
		r.record(a.list, r.batches[i])
	}
}

func (r *attention) record(l *device.List, b attendBatch) {
	c := r.s.c
	vectors := b.queries * c.cfg.perHead()
	one := recording{attention: r, attendBatch: b, list: l, vectors: vectors,
		attendLayout: r.layoutOf(b.queries, b.heads, b.stride)}
	for _, v := range []*device.View{&one.arranged, &one.scores, &one.partials} {
		v.Buffer = c.scratch
	}
	one.recordArrangeQueries()
	for _, p := range b.parts {
		one.recordScore(p)
	}
	one.step("score")
	one.recordSoftmax()
	one.step("softmax")
	one.recordObserve()
	for _, p := range b.parts {
		one.recordWeightedSum(p)
		one.list.Barrier(device.Shader, device.Shader)
	}
	l.Mark("weighted_sum")
	one.recordCombine()
	l.Mark("combine")
}

// step ends a step that the next one builds on.
func (r *recording) step(label string) {
	r.list.Mark(label)
	r.list.Barrier(device.Shader, device.Shader)
}

// pipeline is a kernel of attention for rows of type in, whose output has type
// out.
func (r *recording) pipeline(k *shaders.Kernel, in, out Type, ring bool) shaders.Pipeline {
	return r.s.c.pipelineOf(k, in, shaders.Setting{Out: out.shader(), Queries: r.tile, Ring: ring})
}

// rowView is the view of rows that begin at a word which need not be aligned,
// and the words before that.
func (r *recording) rowView(staged device.Buffer, rows Rows) (device.View, int) {
	if rows.View.Buffer == nil {
		return device.Whole(staged), 0
	}
	v := rows.View
	slack := v.Offset % r.s.c.dev.Limits().ViewAlign
	return device.View{Buffer: v.Buffer, Offset: v.Offset - slack, Words: v.Words + slack}, slack
}

// rowFirst is the word of the batch's first row in rows of a type.
func (r *recording) rowFirst(t Type) int {
	c := &r.s.c.cfg
	return (r.query*c.QueryHeads + r.head*c.perHead()) * c.HeadDim * t.Bytes() / 4
}

func (r *recording) recordArrangeQueries() {
	c := r.s.c
	src, slack := r.rowView(c.queries, r.q)
	push := shaders.ArrangeQueriesPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), PerHead: uint32(c.cfg.perHead()),
		RowHeads: uint32(c.cfg.QueryHeads), RowFirst: uint32(slack + r.rowFirst(r.q.Type)), Scale: r.options.Scale}
	chunks := (c.cfg.HeadDim + 31) / 32
	dispatch(r.list, r.pipeline(shaders.ArrangeQueries, r.q.Type, r.q.Type, false), push.Bytes(), r.heads*r.tiles*chunks*r.tile, src, r.arranged)
	r.step("arrange_queries")
}

// reach is up to which token a recorded dispatch has workgroups for a part: one
// that grows may do so within the batch's stride.
func (r *recording) reach(p attendPart) int {
	switch {
	case p.blocks == nil:
		return min(p.first+r.s.c.geo.slots, r.base+r.stride)
	case p.grows:
		return r.base + r.stride
	}
	return min(p.end, r.tokens())
}

func (r *recording) tokens() int { return r.attendBatch.tokens }

// blocks is how many blocks of so many tokens a part covers; the ring, whose
// first token changes, may touch one more.
func (r *recording) blocks(p attendPart, tokens int) int {
	if p.blocks == nil {
		return min(r.s.c.geo.slots/tokens+2, r.stride/tokens)
	}
	from := max(p.first, r.base) / tokens
	return (r.reach(p)+tokens-1)/tokens - from
}

func (r *recording) framed(p attendPart) device.View {
	return r.inFrames(p.frame)
}

func (r *recording) inFrames(v device.View) device.View {
	return device.View{Buffer: r.s.c.frames, Offset: v.Offset, Words: v.Words}
}

// rowsAt are the words before the first KV head's rows in a slot of the ring.
func (r *recording) rowsAt(k shaders.Kind) uint32 {
	g := &r.s.c.geo
	return uint32(int(k)*g.tokenWords + r.layer*g.layerWords + r.head*g.layout.RawRowWords())
}

// pageRow is the row or group of the batch's first KV head, as score and weighted_sum
// have it.
func (r *recording) pageRow() uint32 {
	g := &r.s.c.geo
	if g.units < g.layers {
		return uint32(r.layer*g.heads + r.head)
	}
	return uint32(r.head)
}

func (r *recording) recordScore(p attendPart) {
	g := &r.s.c.geo
	push := shaders.ScorePush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), Stride: uint32(r.stride),
		PageTokens: uint32(g.pageTokens), GroupsPerToken: uint32(g.tokenGroups), RowFirst: r.pageRow(),
		Slots: uint32(g.slots), SlotWords: uint32(g.slotWords()), RowsAt: r.rowsAt(shaders.Key)}
	if limit := r.options.SoftCap; limit > 0 {
		push.Cap, push.InverseCap = limit, 1/limit
	}
	pipeline := r.pipeline(shaders.Score, r.s.c.cfg.Type, r.s.c.cfg.Type, p.blocks == nil)
	dispatchJobs(r.list, pipeline, push.Bytes(), r.blocks(p, int(pipeline.Spec.Workgroup))*r.heads*r.tiles,
		device.Whole(p.buffer), r.framed(p), r.arranged, r.scores)
}

func (r *recording) recordSoftmax() {
	push := shaders.SoftmaxPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), PerHead: uint32(r.s.c.cfg.perHead()),
		Stride: uint32(r.stride), Window: uint32(r.options.Window)}
	dispatchJobs(r.list, r.pipeline(shaders.Softmax, r.s.c.cfg.Type, r.s.c.cfg.Type, false), push.Bytes(), r.heads*r.tiles*max(1, r.tile/4),
		r.framed(r.parts[0]), r.scores)
}

// recordObserve records that importance takes in the batch's queries. weighted_sum, which
// also reads the probabilities, need not wait for it.
func (r *recording) recordObserve() {
	g := r.s.c.cfg.perHead()
	for _, o := range r.watched {
		from := (o.query - r.query) * g
		r.s.importance.record(r.list, r.layer, observing{vectors: r.vectors, from: from, to: from + g, heads: r.heads,
			stride: r.stride, tile: r.tile, tokens: r.base + r.stride}, r.inFrames(o.frame), r.scores)
	}
	if len(r.watched) > 0 {
		r.list.Mark("record_importance")
	}
}

func (r *recording) recordWeightedSum(p attendPart) {
	g := &r.s.c.geo
	push := shaders.WeightedSumPush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), Stride: uint32(r.stride),
		PageTokens: uint32(g.pageTokens), GroupsPerToken: uint32(g.tokenGroups), RowFirst: r.pageRow(),
		Slots: uint32(g.slots), SlotWords: uint32(g.slotWords()), RowsAt: r.rowsAt(shaders.Value)}
	items := r.blocks(p, shaders.SplitTokens) * r.heads * r.tiles * ((r.s.c.cfg.HeadDim + 31) / 32)
	dispatch(r.list, r.pipeline(shaders.WeightedSum, r.s.c.cfg.Type, r.s.c.cfg.Type, p.blocks == nil), push.Bytes(), items,
		device.Whole(p.buffer), r.framed(p), r.scores, r.partials)
}

func (r *recording) recordCombine() {
	c := r.s.c
	dst, slack := r.rowView(c.attended, r.out)
	push := shaders.CombinePush{Vectors: uint32(r.vectors), Heads: uint32(r.heads), PerHead: uint32(c.cfg.perHead()),
		RowHeads: uint32(c.cfg.QueryHeads), RowFirst: uint32(slack + r.rowFirst(r.out.Type))}
	words := r.heads * r.vectors * c.cfg.HeadDim * r.out.Type.Bytes() / 4
	dispatch(r.list, r.pipeline(shaders.Combine, c.cfg.Type, r.out.Type, false), push.Bytes(), words, r.framed(r.parts[0]), r.partials, dst)
}
